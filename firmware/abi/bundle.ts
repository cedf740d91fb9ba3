/**
 * Bundles: what the kernel hands over, and takes, as one packet although it stands for several. Before each packet that goes
 * through the TUN lies a virtio_net_hdr (include/uapi/linux/virtio_net.h), little-endian as every machine that runs this:
 *
 *   0       1          2                4              6              8                 10
 *   | flags | GSO type | header octets  | segment size | checksum at  | checksum offset | packet
 */
export const VNET_HEADER = 10;
export const VNET_FLAGS = 0;
export const VNET_GSO_TYPE = 1;
export const VNET_HEADER_OCTETS = 2;
export const VNET_SEGMENT_SIZE = 4;
export const VNET_CHECKSUM_START = 6;
export const VNET_CHECKSUM_OFFSET = 8;

/** The checksum is not made yet: its field has the sum over the pseudo-header, and it is to cover all from VNET_CHECKSUM_START on. */
export const VNET_NEEDS_CHECKSUM = 1;
/** The checksum was found right. */
export const VNET_CHECKSUM_VALID = 2;

export const GSO_NONE = 0;
export const GSO_TCP_IPV4 = 1;
export const GSO_TCP_IPV6 = 4;
export const GSO_UDP = 5;
/** A bit beside the type: the first segment alone has CWR. */
export const GSO_ECN = 0x80;

/** Octets of a place for a bundle, a multiple of 64: the longest packet there is and its header. */
export const BUNDLE_OCTETS = 65600;
