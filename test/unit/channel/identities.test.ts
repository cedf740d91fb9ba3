/** Routers are known to the server by name. Whoever calls himself otherwise is refused, and the server says what it expected. */
import { describe, expect, it } from 'vitest';
import { innerAddress } from '../../../host/channel/inner-address.ts';
import type { ServerChannelAction } from '../../../host/channel/server-channel-events.ts';
import { ServerChannels } from '../../../host/channel/server-channels.ts';
import type { IkeAction } from '../../../host/ike/events.ts';
import { Initiator } from '../../../host/ike/initiator.ts';
import { fqdnIdentity, type Identity } from '../../../host/ike/wire/identification.ts';
import { trafficSelectorOf } from '../../../host/ike/wire/traffic-selector.ts';
import { defaultChannelSettings } from '../../../host/model/channel.ts';
import { sharedKey } from '../../../host/model/credentials.ts';
import { initiatorConfig, key, routerEndpoint, seededRandom, serverEndpoint } from '../ike/ends/pair.ts';

/** What the server says of a peer that has the key of tokyo, and calls itself `identity`. */
function said(identity: Identity): ServerChannelAction[] {
  const credentials = sharedKey(key('secret of tokyo'));
  const server = new ServerChannels({
    identity: 'server.example',
    credentialsFor: (router) => (router === 'tokyo' ? credentials : undefined),
    settings: defaultChannelSettings,
    settingPort: 4510,
    utcAtLeast: () => 0,
    random: seededRandom('server'),
    allocateSpi: () => 0x1000,
    releaseSpi: () => {},
  });
  const selectorOf = (name: string) => trafficSelectorOf({ address: innerAddress(name), length: 128 });
  const router = new Initiator(
    initiatorConfig('router', {
      identity,
      credentials,
      localTrafficSelectors: [selectorOf('tokyo')],
      remoteTrafficSelectors: [selectorOf('server.example')],
    }),
  );
  const all: ServerChannelAction[] = [];
  let actions: IkeAction[] = router.handle({ kind: 'start', inboundSpi: 0xa000 }, 0);
  for (let message = 0; message < 2; message++) {
    const sent = actions.find((action) => action.kind === 'send');
    if (sent === undefined) break;
    const event = { bytes: sent.bytes, from: routerEndpoint, to: serverEndpoint };
    const answers = server.handle({ kind: 'ike', ...event }, 0);
    all.push(...answers);
    const answer = answers.find((action) => action.kind === 'send-ike');
    if (answer === undefined) break;
    const back = { bytes: answer.bytes, from: serverEndpoint, to: routerEndpoint };
    actions = router.handle({ kind: 'message', ...back }, 0);
  }
  return all;
}

const refusal = (message: string) => ({
  kind: 'refused',
  reason: 'authentication-failed',
  message,
  from: routerEndpoint,
});

describe('the server', () => {
  it('takes a router by its name', () => {
    expect(said(fqdnIdentity('tokyo'))).toContainEqual(
      expect.objectContaining({ kind: 'up', router: 'tokyo' }),
    );
  });

  it('says that it does not know a name', () => {
    expect(said(fqdnIdentity('osaka'))).toContainEqual(refusal('expected a known identity, found osaka'));
  });

  it.each([
    // CN=tokyo
    [9, '3010310e300c06035504030c05746f6b796f', 'ID_DER_ASN1_DN 0x3010310e300c06035504030c05746f6b796f'],
    [3, '746f6b796f', 'ID_RFC822_ADDR tokyo'],
    [11, '746f6b796f', 'ID_KEY_ID 0x746f6b796f'],
    [1, 'c0000201', 'ID_IPV4_ADDR 0xc0000201'],
  ])('says of an identity of type %i that it expected a name, whatever it reads', (type, hex, found) => {
    const actions = said({ type, data: new Uint8Array(Buffer.from(hex, 'hex')) });
    expect(actions).toContainEqual(refusal(`expected an identity by name (ID_FQDN), found ${found}`));
    expect(actions.map(({ kind }) => kind)).not.toContain('up');
  });
});
