/**
 * Cuts a table change into what concerns the engine of each worker: pairs and SPIs go to the one that the SPI names, the SPD and
 * its blocks are the same for all. Pure; the parts have the change's own objects, keys included.
 */
import type { TableChange } from './engine.ts';
import { workerOfSpi } from './spi-allocator.ts';

/** The part of each worker, by its number; undefined where nothing concerns it. */
export function sharesOf(change: TableChange, workers: number): (TableChange | undefined)[] {
  if (workers === 1) return [change];
  return Array.from({ length: workers }, (_, worker) => shareOf(change, worker, workers));
}

function shareOf(change: TableChange, worker: number, workers: number): TableChange | undefined {
  const isOwn = (spi: number): boolean => workerOfSpi(spi, workers) === worker;
  const share: TableChange = {
    ...(change.spd === undefined ? {} : { spd: change.spd }),
    ...(change.block === undefined ? {} : { block: change.block }),
    ...some(
      'install',
      change.install?.filter(({ pair }) => isOwn(pair.inbound.spi)),
    ),
    ...some(
      'move',
      change.move?.filter(({ spi }) => isOwn(spi)),
    ),
    ...some('reserve', change.reserve?.filter(isOwn)),
    ...some('release', change.release?.filter(isOwn)),
    ...some('use', change.use?.filter(isOwn)),
    ...some('remove', change.remove?.filter(isOwn)),
  };
  return Object.keys(share).length === 0 ? undefined : share;
}

/** The list under its name; nothing where it is empty. */
function some<Name extends keyof TableChange>(
  name: Name,
  list: TableChange[Name] & (readonly unknown[] | undefined),
): Pick<TableChange, Name> | Record<string, never> {
  return list === undefined || list.length === 0 ? {} : ({ [name]: list } as Pick<TableChange, Name>);
}
