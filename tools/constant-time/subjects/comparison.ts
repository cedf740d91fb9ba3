/** The comparison of ICVs: at which octet two differ, and whether they do. */
import { equal } from '../../primitives/equal.ts';
import { fieldsStart, octets as memory } from '../../primitives/firmware.ts';
import { Stretch, type Subject } from '../subject.ts';

const icvOctets = 16;

function comparison(name: string, classes: Subject['classes'], differing: readonly (number | undefined)[]) {
  const stretch = new Stretch(fieldsStart);
  const [received, computed] = [stretch.part(icvOctets), stretch.part(icvOctets)];
  return {
    name,
    classes,
    memory,
    stretch,
    calls: 32,
    prepare(second: boolean) {
      memory.copyWithin(computed, received, received + icvOctets);
      const octet = differing[second ? 1 : 0];
      if (octet !== undefined) memory[computed + octet] = (memory[computed + octet] ?? 0) ^ 1;
    },
    call: () => equal(received, computed, icvOctets),
  };
}

export const comparisons: readonly Subject[] = [
  comparison('equal, where', ['first octet differs', 'last octet differs'], [0, icvOctets - 1]),
  comparison('equal, whether', ['first octet differs', 'none differs'], [0, undefined]),
];
