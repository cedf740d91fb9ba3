/** How a guest is slowed to a small router's speed, and what its clock then means. */

/**
 * QEMU counts the guest's instructions and lets its clock go on by 2^4 ns for each: 62.5 million instructions a second, what a
 * RISC processor of 60 MHz does at best. The guest's time follows from what it computes, however fast or busy this machine is; while the
 * guest waits, its clock goes like everybody's (QEMU, docs/devel/tcg-icount). A CPU quota would measure this machine's
 * other work, too.
 */
const shift = 4;

export const instructionsPerSecond = 1e9 / 2 ** shift;

/** QEMU's arguments. */
export const slowly: readonly string[] = ['-icount', `shift=${shift},align=off,sleep=on`];

/** Booting takes minutes of the guest's time and of ours. */
export const bootWithinMs = 900_000;
