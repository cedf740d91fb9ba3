/** Until when a path of certificates holds, and from when on that is worth a warning. */
import type { CertificateValidity } from '../model/certificate-trust.ts';
import type { Certificate } from './certificate.ts';

/** Ours: time enough to get another one from an authority that people run. */
const warningMs = 30 * 24 * 3_600_000;

/** Of a certificate that lives shorter, the last third of its life: whoever renews by program does it at two thirds. */
const warningShare = 1 / 3;

/** The validity of the one of `certificates`, at least one, that ends first. */
export function validityOf(certificates: readonly [Certificate, ...Certificate[]]): CertificateValidity {
  const { notBeforeUtcMs, notAfterUtcMs } = certificates.reduce((first, one) =>
    one.notAfterUtcMs < first.notAfterUtcMs ? one : first,
  );
  const lifeMs = notAfterUtcMs - notBeforeUtcMs;
  return {
    warnFromUtcMs: notAfterUtcMs - Math.min(warningMs, lifeMs * warningShare),
    untilUtcMs: notAfterUtcMs,
  };
}
