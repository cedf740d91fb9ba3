/**
 * Takes samples of a subject: batches of inputs of both classes in random order, each made before the first is timed and used
 * once. Only calls into WebAssembly lie between the two readings of the clock. Tests and judges nothing.
 */
import { randomFillSync } from 'node:crypto';
import type { Subject } from './subject.ts';

const BATCH = 256;
/** Batches whose times are thrown away: until then the module's and this file's code may be compiled anew. */
const WARM_UP_BATCHES = 8;

export class SubjectError extends Error {}

export class Sampling {
  /** In whole nanoseconds. */
  times = new Float64Array(16 * BATCH);
  secondClass = new Uint8Array(16 * BATCH);
  count = 0;
  readonly #subject: Subject;
  readonly #inputs: readonly Uint8Array[];
  readonly #pool: Uint8Array;
  readonly #order = new Uint8Array(BATCH);

  /** @throws SubjectError when an input does not take the way that its class is to take */
  constructor(subject: Subject) {
    this.#subject = subject;
    const { length } = subject.stretch;
    const pool = new Uint8Array(BATCH * length);
    this.#pool = pool;
    this.#inputs = Array.from({ length: BATCH }, (_, index) =>
      pool.subarray(index * length, (index + 1) * length),
    );
    for (let batch = 0; batch < WARM_UP_BATCHES; batch++) {
      this.#prepare();
      this.#check();
      this.#time(0);
    }
  }

  /** One batch more. */
  addBatch(): void {
    if (this.count + BATCH > this.times.length) this.#grow();
    this.#prepare();
    this.#time(this.count);
    this.secondClass.set(this.#order, this.count);
    this.count += BATCH;
  }

  /** Makes the inputs. Which class each is of, and so where each lies, is drawn anew. */
  #prepare(): void {
    const { memory, stretch } = this.#subject;
    const { at, length } = stretch;
    randomFillSync(this.#pool);
    randomFillSync(this.#order);
    for (let index = 0; index < BATCH; index++) {
      const second = (this.#order[index] ?? 0) & 1;
      this.#order[index] = second;
      const input = this.#inputs[index] as Uint8Array;
      memory.set(input, at);
      this.#subject.prepare(second === 1);
      input.set(memory.subarray(at, at + length));
    }
  }

  #check(): void {
    const { memory, stretch, didAsMeant, name, classes } = this.#subject;
    if (didAsMeant === undefined) return;
    for (let index = 0; index < BATCH; index++) {
      memory.set(this.#inputs[index] as Uint8Array, stretch.at);
      this.#subject.call();
      if (didAsMeant()) continue;
      throw new SubjectError(`${name}: an input "${classes[this.#order[index] ?? 0]}" went another way`);
    }
  }

  #time(from: number): void {
    const subject = this.#subject;
    const { memory, stretch, calls } = subject;
    const { at } = stretch;
    for (let index = 0; index < BATCH; index++) {
      memory.set(this.#inputs[index] as Uint8Array, at);
      const start = process.hrtime.bigint();
      for (let call = 0; call < calls; call++) subject.call();
      const end = process.hrtime.bigint();
      this.times[from + index] = Number(end - start);
    }
  }

  #grow(): void {
    const { times, secondClass } = this;
    this.times = new Float64Array(2 * times.length);
    this.times.set(times);
    this.secondClass = new Uint8Array(2 * secondClass.length);
    this.secondClass.set(secondClass);
  }
}
