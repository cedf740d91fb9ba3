/** The ledgers of a server, which has CHILD SAs with many: one for each IKE SA, by the name that it has at the moment. */
import type { IkeAction, SaId } from '../../../host/ike/events.ts';
import { ChildSaLedger } from './child-sa-ledger.ts';

/** What has a place in a ledger. */
const ledgerKinds: readonly string[] = [
  'child-installed',
  'child-used',
  'child-removed',
  'ike-sa-rekeyed',
  'rekey-failed',
] satisfies IkeAction['kind'][];

export class ServerLedgers {
  readonly #ledgers = new Map<SaId, ChildSaLedger>();

  /** Of IKE SAs that are established. */
  get saIds(): readonly SaId[] {
    return [...this.#ledgers.keys()];
  }

  /** The IKE SA that receives on this SPI. */
  at(inboundSpi: number): { readonly saId: SaId; readonly ledger: ChildSaLedger } | undefined {
    for (const [saId, ledger] of this.#ledgers) if (ledger.receivesOn(inboundSpi)) return { saId, ledger };
    return undefined;
  }

  /** Enters what the server does. Throws when it makes no sense. */
  apply(action: IkeAction): void {
    if (!('saId' in action)) return;
    if (action.kind === 'established') this.#ledgers.set(action.saId, new ChildSaLedger());
    const name = action.kind === 'ike-sa-rekeyed' ? action.replaced : action.saId;
    const ledger = this.#ledgers.get(name);
    if (ledger === undefined) {
      if (!ledgerKinds.includes(action.kind)) return;
      throw new Error(`"${action.kind}" of an IKE SA that was not established or is over`);
    }
    ledger.apply(action);
    if (action.kind === 'closed' || action.kind === 'ike-sa-rekeyed') this.#ledgers.delete(name);
    if (action.kind === 'ike-sa-rekeyed') this.#ledgers.set(action.saId, ledger);
  }
}
