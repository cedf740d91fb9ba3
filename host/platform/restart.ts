/** Starts the machine anew, as a board does that leaves a version on trial. */
import { spawn } from 'node:child_process';

/** Returns at once; what was written durably is. Where the command fails, the watchdog does the same later. */
export function restartMachine(): void {
  // Nothing is mounted for writing, so nothing is gained by asking services to end, and one that hangs would keep the board.
  spawn('reboot', ['-f'], { stdio: 'inherit' }).on('error', () => {});
}
