// Import directions of the rooms: each may reach only what stands below it. A room that is not listed may be reached by none.
import tseslint from 'typescript-eslint';

const rooms = {
  wire: [],
  trust: ['wire'],
  policy: ['trust'],
  plan: ['policy', 'trust', 'wire'],
  control: ['plan', 'policy', 'trust', 'wire'],
  drivers: ['wire', 'trust', 'plan', 'control'],
  operator: ['trust', 'policy'],
};
const pure = ['wire', 'trust', 'policy', 'plan'];

const roomRules = Object.entries(rooms).map(([room, allowed]) => {
  const forbidden = Object.keys(rooms).filter((other) => other !== room && !allowed.includes(other));
  const patterns = [
    {
      group: [...forbidden, 'main.ts', 'cli.ts'].map((name) => (name.endsWith('.ts') ? `../${name}` : `../${name}/*`)),
    },
  ];
  if (pure.includes(room)) {
    const packages = room === 'trust' ? '(?!@noble/(?:curves|hashes)/)' : '';
    patterns.push({ regex: `^(?!\\.{1,2}/)${packages}`, message: `${room} is pure` });
  }
  return {
    files: [`agent/src/${room}/**/*.ts`],
    rules: { 'no-restricted-imports': ['error', { patterns }] },
  };
});

export default tseslint.config(
  { ignores: ['**/out/**', 'node_modules/**', 'luci-app/**', '**/vectors/**'] },
  ...tseslint.configs.strict,
  {
    languageOptions: { parserOptions: { projectService: { allowDefaultProject: ['eslint.config.js'] } } },
    rules: {
      'max-lines': ['error', { max: 300, skipComments: false }],
      'max-lines-per-function': ['error', { max: 40, skipBlankLines: true, skipComments: true }],
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      eqeqeq: 'error',
    },
  },
  {
    files: ['agent/test/**/*.ts', 'qemu-test/**/*.ts', 'bundle/**/*.test.ts'],
    rules: { 'max-lines-per-function': 'off' },
  },
  { files: ['eslint.config.js'], ...tseslint.configs.disableTypeChecked },
  ...roomRules,
  {
    files: pure.map((room) => `agent/src/${room}/**/*.ts`),
    rules: {
      'no-restricted-properties': [
        'error',
        { object: 'Date', property: 'now', message: 'Time arrives as an argument.' },
        { object: 'Math', property: 'random', message: 'Randomness arrives as an argument.' },
      ],
      'no-restricted-globals': [
        'error',
        'process',
        'Buffer',
        'setTimeout',
        'setInterval',
        'TextDecoder',
        'TextEncoder',
      ],
    },
  },
);
