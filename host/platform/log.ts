/** The log of a router or server: JSON lines on standard output. */
import pino, { type Logger } from 'pino';

/** Opens it under `name`. Lines are written at once, as Node's own stdout is: to hand a write to a thread of libuv costs two more wake-ups. */
export function openLog(name: string): Logger {
  const options = { name, timestamp: pino.stdTimeFunctions.isoTime };
  return pino(options, pino.destination({ sync: true }));
}
