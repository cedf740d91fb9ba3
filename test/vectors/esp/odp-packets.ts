/**
 * Packets of OpenDataPlane's tests for IPsec, test/validation/api/ipsec/test_vectors.h at commit 462175003545 (Copyright 2017-2018
 * Linaro, 2020 Nokia, BSD-3-Clause): NULL and AES-CBC with HMACs, in both modes, over IPv4, IPv6 and UDP. Their SPI is 123. Names
 * are those of that file. Facts only; the tests are in `odp.test.ts`.
 */
import type { Mode } from '../../../host/model/security-association.ts';

export interface OdpPacket {
  readonly name: string;
  /** Our keyword for its algorithms. */
  readonly proposal: string;
  readonly mode: Mode;
  readonly encryptionKey: string;
  readonly authenticationKey: string;
  readonly sequence: bigint;
  readonly source: string;
  readonly destination: string;
  /** UDP port of both ends. */
  readonly port?: number;
  /** Octets before its ESP. */
  readonly espAt: number;
  /** The packet that was protected. */
  readonly original: string;
  /** From the outer IP header to the ICV. */
  readonly packet: string;
}

/** pkt_ipv4_icmp_0 and pkt_ipv6_icmp_0, the latter with a hop-by-hop options header. */
const ipv4Icmp = `
  45000080000000004001ac27c0a86f02c0a8de020800fb3712340000babe01234567cafe000102030405060708090a0b
  0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f303132333435363738393a3b
  3c3d3e3f404142434445464748494a4b4c4d4e4f505152535455565758595a5b`;
const ipv6Icmp = `
  600000000074004020010db800000000021143fffe4ad70a20010db80000000000000000000000163a00010001000100
  0800fb3712340000babe01234567cafe000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f
  202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f404142434445464748494a4b4c4d4e4f
  505152535455565758595a5b`;

export const odpPackets: readonly OdpPacket[] = [
  {
    name: 'pkt_ipv4_icmp_0_esp_null_sha256_1',
    proposal: 'null-sha256',
    mode: 'transport',
    encryptionKey: '',
    authenticationKey: '5a'.repeat(32),
    sequence: 0x1n,
    source: '192.168.111.2',
    destination: '192.168.222.2',
    espAt: 20,
    original: ipv4Icmp,
    packet: `
      4500009c000000004032abdac0a86f02c0a8de020000007b000000010800fb3712340000babe01234567cafe00010203
      0405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f30313233
      3435363738393a3b3c3d3e3f404142434445464748494a4b4c4d4e4f505152535455565758595a5b01020201e981cd65
      9b250b33e2f383f16d14b41f`,
  },
  {
    name: 'pkt_ipv4_icmp_0_esp_null_sha256_1235',
    proposal: 'null-sha256',
    mode: 'transport',
    encryptionKey: '',
    authenticationKey: '5a'.repeat(32),
    sequence: 0x1235n,
    source: '192.168.111.2',
    destination: '192.168.222.2',
    espAt: 20,
    original: ipv4Icmp,
    packet: `
      4500009c000000004032abdac0a86f02c0a8de020000007b000012350800fb3712340000babe01234567cafe00010203
      0405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f30313233
      3435363738393a3b3c3d3e3f404142434445464748494a4b4c4d4e4f505152535455565758595a5b010202012ffbdd9d
      c0cab80aaaf159314eef6250`,
  },
  {
    name: 'pkt_ipv4_icmp_0_esp_tun_ipv4_null_sha256_1',
    proposal: 'null-sha256',
    mode: 'tunnel',
    encryptionKey: '',
    authenticationKey: '5a'.repeat(32),
    sequence: 0x1n,
    source: '10.0.111.2',
    destination: '10.0.222.2',
    espAt: 20,
    original: ipv4Icmp,
    packet: `
      450000b000000000403219180a006f020a00de020000007b0000000145000080000000004001ac27c0a86f02c0a8de02
      0800fb3712340000babe01234567cafe000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f
      202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f404142434445464748494a4b4c4d4e4f
      505152535455565758595a5b01020204738df69a26064da1883765ab0de9953b`,
  },
  {
    name: 'pkt_ipv4_icmp_0_esp_tun_ipv6_null_sha256_1',
    proposal: 'null-sha256',
    mode: 'tunnel',
    encryptionKey: '',
    authenticationKey: '5a'.repeat(32),
    sequence: 0x1n,
    source: '2001:0db8:0000:0000:0211:43ff:fe4a:d70a',
    destination: '2001:0db8:0000:0000:0000:0000:0000:0016',
    espAt: 40,
    original: ipv4Icmp,
    packet: `
      60000000009c324020010db800000000021143fffe4ad70a20010db80000000000000000000000160000007b00000001
      45000080000000004001ac27c0a86f02c0a8de020800fb3712340000babe01234567cafe000102030405060708090a0b
      0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f303132333435363738393a3b
      3c3d3e3f404142434445464748494a4b4c4d4e4f505152535455565758595a5b01020204738df69a26064da1883765ab
      0de9953b`,
  },
  {
    name: 'pkt_ipv4_icmp_0_esp_udp_null_sha256_1',
    proposal: 'null-sha256',
    mode: 'transport',
    encryptionKey: '',
    authenticationKey: '5a'.repeat(32),
    sequence: 0x1n,
    source: '192.168.111.2',
    destination: '192.168.222.2',
    port: 4500,
    espAt: 28,
    original: ipv4Icmp,
    packet: `
      450000a4000000004011abf3c0a86f02c0a8de0211941194009000000000007b000000010800fb3712340000babe0123
      4567cafe000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b
      2c2d2e2f303132333435363738393a3b3c3d3e3f404142434445464748494a4b4c4d4e4f505152535455565758595a5b
      01020201e981cd659b250b33e2f383f16d14b41f`,
  },
  {
    name: 'pkt_ipv6_icmp_0_esp_null_sha256_1',
    proposal: 'null-sha256',
    mode: 'transport',
    encryptionKey: '',
    authenticationKey: '5a'.repeat(32),
    sequence: 0x1n,
    source: '2001:0db8:0000:0000:0211:43ff:fe4a:d70a',
    destination: '2001:0db8:0000:0000:0000:0000:0000:0016',
    espAt: 48,
    original: ipv6Icmp,
    packet: `
      600000000090004020010db800000000021143fffe4ad70a20010db80000000000000000000000163200010001000100
      0000007b000000010800fb3712340000babe01234567cafe000102030405060708090a0b0c0d0e0f1011121314151617
      18191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f4041424344454647
      48494a4b4c4d4e4f505152535455565758595a5b0102023a20a6897b0a525bca9856d1fe56c7a45b`,
  },
  {
    name: 'pkt_ipv6_icmp_0_esp_tun_ipv4_null_sha256_1',
    proposal: 'null-sha256',
    mode: 'tunnel',
    encryptionKey: '',
    authenticationKey: '5a'.repeat(32),
    sequence: 0x1n,
    source: '10.0.111.2',
    destination: '10.0.222.2',
    espAt: 20,
    original: ipv6Icmp,
    packet: `
      450000cc00000000403218fc0a006f020a00de020000007b00000001600000000074004020010db800000000021143ff
      fe4ad70a20010db80000000000000000000000163a000100010001000800fb3712340000babe01234567cafe00010203
      0405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f30313233
      3435363738393a3b3c3d3e3f404142434445464748494a4b4c4d4e4f505152535455565758595a5b01020229d0966eda
      c508cc0ed122a5ed1307d9cd`,
  },
  {
    name: 'pkt_ipv6_icmp_0_esp_tun_ipv6_null_sha256_1',
    proposal: 'null-sha256',
    mode: 'tunnel',
    encryptionKey: '',
    authenticationKey: '5a'.repeat(32),
    sequence: 0x1n,
    source: '2001:0db8:0000:0000:0211:43ff:fe4a:d70a',
    destination: '2001:0db8:0000:0000:0000:0000:0000:0016',
    espAt: 40,
    original: ipv6Icmp,
    packet: `
      6000000000b8324020010db800000000021143fffe4ad70a20010db80000000000000000000000160000007b00000001
      600000000074004020010db800000000021143fffe4ad70a20010db80000000000000000000000163a00010001000100
      0800fb3712340000babe01234567cafe000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f
      202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f404142434445464748494a4b4c4d4e4f
      505152535455565758595a5b01020229d0966edac508cc0ed122a5ed1307d9cd`,
  },
  {
    name: 'pkt_ipv6_icmp_0_esp_udp_null_sha256_1',
    proposal: 'null-sha256',
    mode: 'transport',
    encryptionKey: '',
    authenticationKey: '5a'.repeat(32),
    sequence: 0x1n,
    source: '2001:0db8:0000:0000:0211:43ff:fe4a:d70a',
    destination: '2001:0db8:0000:0000:0000:0000:0000:0016',
    port: 4500,
    espAt: 56,
    original: ipv6Icmp,
    packet: `
      600000000098004020010db800000000021143fffe4ad70a20010db80000000000000000000000161100010001000100
      11941194009000000000007b000000010800fb3712340000babe01234567cafe000102030405060708090a0b0c0d0e0f
      101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f
      404142434445464748494a4b4c4d4e4f505152535455565758595a5b0102023a20a6897b0a525bca9856d1fe56c7a45b`,
  },
  {
    name: 'pkt_ipv4_icmp_0_esp_aes_cbc_sha1_1',
    proposal: 'aes128-sha1',
    mode: 'transport',
    encryptionKey: 'a5'.repeat(16),
    authenticationKey: '5a'.repeat(20),
    sequence: 0x1n,
    source: '192.168.111.2',
    destination: '192.168.222.2',
    espAt: 20,
    original: ipv4Icmp,
    packet: `
      450000a8000000004032abcec0a86f02c0a8de020000007b0000000117c3faaf1deb94064ef862b41fa01762baf3fb10
      86ee806f44ff947feed85062403f7c76b465ca32910ebaf2c19d3bcb0fc9c9ae33421636d3c86c23acbf98f2da1095bc
      e838bf4b19d05867d9abd0f559c9dcbb46cc3426e6d6ee5cc8e246c914e998e4b9ecf0a71294544e56fde807d883f978
      5fa61acebbdabc7cd8b67b4f784efebd427f429665e7602f`,
  },
  {
    name: 'pkt_ipv4_icmp_0_esp_aes_cbc_sha256_1',
    proposal: 'aes128-sha256',
    mode: 'transport',
    encryptionKey: 'a5'.repeat(16),
    authenticationKey: '5a'.repeat(32),
    sequence: 0x1n,
    source: '192.168.111.2',
    destination: '192.168.222.2',
    espAt: 20,
    original: ipv4Icmp,
    packet: `
      450000ac000000004032abcac0a86f02c0a8de020000007b0000000196fa745678e4bb0c9e6e4aeb44d9f2e62fb3a6fe
      2c2ece653a57e3095d663632b1c25958b6e59ea207f8264a64f51601518ee54b072c4b23fa4e6edb35c71d3042d90fba
      8a697e29e7bd15e9359e81e79ec97d669958ec4529d0a4fdf1e75b3e2a771d8f2b73baf872d2a00b90b9739cde3cc3b8
      9197c428fa6da841b683c8aa8a3910070297bb1c59b77033a426a2b8`,
  },
  {
    name: 'pkt_ipv4_icmp_0_esp_aes_cbc_sha384_1',
    proposal: 'aes128-sha384',
    mode: 'transport',
    encryptionKey: 'a5'.repeat(16),
    authenticationKey: '5a'.repeat(48),
    sequence: 0x1n,
    source: '192.168.111.2',
    destination: '192.168.222.2',
    espAt: 20,
    original: ipv4Icmp,
    packet: `
      450000b4000000004032abc2c0a86f02c0a8de020000007b00000001cdc78d99f76521f640e34c5e90844cf3b59ca23d
      b6094f40734a331290b2f1241fd3a3895312b0986eecdeb8f2bbe003ee861c2ce21226894d8a6a89d0316866e814e7d7
      aad82a610362b7468e98a7fd96e7bb5df0c742e1ef961c79c0a460692cc8021ff4bf8fa40eb535ca5123c5621354bbcb
      2a4add79329f72a6ebe9046179bcb62dcc14c8eafa5b578d0aec56b7cab2389b0579f8dd`,
  },
  {
    name: 'pkt_ipv4_icmp_0_esp_aes_cbc_sha512_1',
    proposal: 'aes128-sha512',
    mode: 'transport',
    encryptionKey: 'a5'.repeat(16),
    authenticationKey: '5a'.repeat(64),
    sequence: 0x1n,
    source: '192.168.111.2',
    destination: '192.168.222.2',
    espAt: 20,
    original: ipv4Icmp,
    packet: `
      450000bc000000004032abbac0a86f02c0a8de020000007b00000001f96b50a97b4ec9df7029e276dc121e8f9a7c5b96
      cdcb7607f3b08631a4f0a3dbb60846d4b22c1586df4eb9d275b51830251538bbbd178b01c6c414e8e7c2c763704dcb02
      95683685116676a073d4a91c33ffe60480476da4631a158957b7394f61718f4baf3c310d9b1aea2138b864899676c7d2
      fc8e360235fede40c7d8608de8666bb74fb2a508f17682a93eed39ac178fa8fe584d40edfed9356013b520f8`,
  },
];
