/**
 * A bank: everything that one atomic store swaps. Two of them exist; packets read the active one, the host stages its
 * changes in the other through `stage_*`, and `commit` flips them and raises the generation.
 *
 *   0          16                     16 + 8 x entries            ... + 8 x pairs   up to a multiple of 64
 *   | row count | bindings of entries  | SAD: SPI and state        | order marks     | tree of SPD rows
 *
 * The SPD rows and their covers stand in one table, as a tree written depth first. A cover selects whatever a row below it
 * does, so a packet that it does not select goes on behind everything below:
 *
 *   index      0        1       2        3       4       5       6
 *            | row 6 | cover | row 0 | cover | row 1 | row 4 | row 2 |      numbers of rows are their places in the SPD's order
 *   below      0        4       0        2       0       0       0
 */
/** u32: SPD rows and covers in use. */
export const BANK_ROW_COUNT = 0;
export const BANK_BINDINGS = 16;

/** A bank has room for one cover to so many SPD rows. */
export const SPD_ROWS_PER_COVER = 2;

/** Bindings of an SPD entry: consecutive rows of the binding region, two u32. */
export const BINDING_SIZE = 8;
export const BINDING_FIRST = 0;
export const BINDING_COUNT = 4;

/** Place of an inbound SPI: two u32. Its index is the low bits of the SPI. */
export const SAD_SIZE = 8;
export const SAD_SPI = 0;
export const SAD_STATE = 4;

export const SAD_EMPTY = 0;
/** A request is under way: packets are held. */
export const SAD_PENDING = 1;
export const SAD_LIVE = 2;

/** What `stage_*` and `install_sa` refuse; any of them is a mistake of the host. */
export const STAGE_OK = 0;
export const STAGE_INDEX = 1;
export const STAGE_ROW = 2;
export const STAGE_SLOT = 3;
export const STAGE_SPI = 4;
export const STAGE_KEY = 5;
export const STAGE_CLOSED = 6;

/** State of an SPD entry that a swap does not touch: when an acquire was last raised for it, two u32. */
export const ENTRY_STATE_SIZE = 8;
export const ENTRY_STATE_GENERATION = 0;
export const ENTRY_STATE_SECOND = 4;

/** One cached flow: the packet's selector (64 octets), the generation it was looked up in, and the row that decided. */
export const FLOW_SIZE = 64;
export const FLOW_GENERATION = 56;
export const FLOW_ROW = 60;
