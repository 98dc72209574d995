/** Starts local-cloud as a process: environment in, one line `ready` out, a clean stop on SIGTERM or SIGINT. */
import { BadConfig, readConfig } from './config.ts';
import { DataDirInUse } from './data-lock.ts';
import { startLocalCloud } from './local-cloud.ts';

const log = (message: string, error?: unknown): void => {
  const detail = error instanceof Error ? (error.stack ?? error.message) : error;
  process.stderr.write(`local-cloud: ${message}${detail === undefined ? '' : ` ${String(detail)}`}\n`);
};

// A request that went wrong in an unforeseen way must not take the others' server down: it is logged, and the tests that send bad
// input expect an empty log. A failed commit is another matter: it stops the process where it happens.
process.on('unhandledRejection', (reason) => log('unhandled rejection', reason));
process.on('uncaughtException', (error) => log('uncaught exception', error));

try {
  const cloud = await startLocalCloud(readConfig(process.env), log);
  const addresses = Object.entries(cloud.addresses).map(([product, address]) => `${product}=${address}`);
  const stop = (): void => {
    const late = setTimeout(() => process.exit(1), 5000);
    cloud.close().then(
      () => {
        clearTimeout(late);
        process.exit(0);
      },
      (error: unknown) => {
        log('stopping failed', error);
        process.exit(1);
      },
    );
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
  // Who reads this may send a signal at once.
  process.stdout.write(`ready ${addresses.join(' ')} pid=${process.pid}\n`);
} catch (error) {
  const code = (error as NodeJS.ErrnoException).code;
  if (error instanceof BadConfig || error instanceof DataDirInUse) {
    log(error.message);
  } else if (code === 'EADDRINUSE' || String(error).includes('EADDRINUSE')) {
    log(`${(error as Error).message}. Another program uses that port; choose others with PORT_OFFSET=100.`);
  } else {
    log('could not start', error);
  }
  process.exit(1);
}
