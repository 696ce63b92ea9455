/** Of this tool; replaced by bundle/build.ts. */
export const version = process.env['RUSTYNET_VERSION'] ?? 'development';
