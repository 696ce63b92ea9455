/**
 * The entry point in a lab guest: starts the stand-ins where OpenWrt has the real ones.
 * In: nothing. Out: a process that runs until the guest ends; its standard output is the guest's log.
 */
import { guestPlaces, startServices } from './services.ts';

// One service's mistake must not take the others down, any more than a daemon's would; it must be seen, though.
process.on('uncaughtException', (error) => console.log(`standin: FAULT: ${error.stack ?? error.message}`));
process.on('unhandledRejection', (error) => console.log(`standin: FAULT: ${String(error)}`));

void startServices(guestPlaces).then(() => console.log('standin: services are up'));
