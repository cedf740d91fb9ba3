/** The load of programs/load.ts from outside: starts it in a namespace and on a processor, and asks it for handshakes. */
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { HostError } from '../../../host/model/host-error.ts';
import { describeEnd, type LabProcess, nodeCommand } from '../../lab/processes.ts';
import { onProcessor, type Stage } from '../stage.ts';

export interface LoadRequest {
  readonly responder: string;
  /** For the IKE SA. */
  readonly proposal: string;
  /** After these no handshake begins any more; those under way are finished. */
  readonly milliseconds: number;
}

const reportSchema = z.strictObject({
  handshakes: z.number(),
  /** Why one failed; after that none begins any more. */
  failure: z.string().nullable(),
  /** From the first message to the last. */
  milliseconds: z.number(),
  /** That the load itself took. */
  cpuMs: z.number(),
});

export type LoadReport = z.output<typeof reportSchema>;

export class LoadGenerator {
  readonly #process: LabProcess;
  readonly #lines: AsyncIterator<string>;

  private constructor(process: LabProcess, lines: AsyncIterator<string>) {
    this.#process = process;
    this.#lines = lines;
  }

  /** Starts it at `address` in the namespace. Throws HostError. */
  static async start(
    { processes }: Stage,
    namespace: string,
    address: string,
    keyFile: string,
    processor: number,
  ): Promise<LoadGenerator> {
    const command = onProcessor(processor, [
      nodeCommand,
      'tools/bench/ike/programs/load.ts',
      address,
      keyFile,
    ]);
    const started = await processes.start(namespace, 'load', command, 'pipe');
    if (started.stdout === undefined) throw new RangeError('expected a pipe, found none');
    return new LoadGenerator(started, createInterface({ input: started.stdout })[Symbol.asyncIterator]());
  }

  /** Throws HostError when the program is gone. */
  async run(request: LoadRequest): Promise<LoadReport> {
    this.#process.stdin.write(`${JSON.stringify(request)}\n`);
    const line = await this.#lines.next();
    if (line.done === true) {
      throw new HostError('PLATFORM', describeEnd(this.#process, await this.#process.ended));
    }
    return reportSchema.parse(JSON.parse(line.value));
  }
}
