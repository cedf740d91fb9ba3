/**
 * The section `channel` as people type it in YAML, for the router's file and the server's alike: proposals by strongSwan's
 * keywords, those for old peers behind `allowLegacy`, and the lifetimes of both SAs.
 */
import { z } from 'zod';
import {
  type ChannelSettings,
  defaultDatagramOctets,
  longestDatagramOctets,
  shortestDatagramOctets,
} from './channel.ts';
import {
  defaultChannelLifetimes,
  longestLifetimeSeconds,
  shortestLifetimeSeconds,
} from './channel-lifetimes.ts';
import { childProposalForms, defaultChannelProposals, parseChildProposal } from './child-proposal.ts';
import { ikeProposalForms, parseIkeProposal } from './ike-proposal.ts';
import { textOf } from './selector-text.ts';

/** Ours: far more than anybody needs, and the message of IKE_SA_INIT still fits any path. */
const maximumProposals = 8;

const proposalsText = <Parsed>(
  parse: Parameters<typeof textOf<Parsed>>[0],
  forms: string,
  description: string,
) =>
  z
    .array(textOf<Parsed>(parse, forms), 'expected a list of proposals')
    .min(1, 'expected at least one proposal')
    .max(maximumProposals)
    .optional()
    .meta({ description });

const lifetimeText = (fallback: number, description: string) =>
  z.int().min(shortestLifetimeSeconds).max(longestLifetimeSeconds).default(fallback).meta({ description });

export const channelSettings = z
  .strictObject({
    ikeProposals: proposalsText(
      parseIkeProposal,
      ikeProposalForms,
      "algorithms of the IKE SA by strongSwan's keywords, the preferred first",
    ),
    espProposals: proposalsText(
      parseChildProposal,
      childProposalForms,
      "algorithms of the channel's ESP by strongSwan's keywords, the preferred first",
    ),
    allowLegacy: z.boolean().default(false).meta({ description: 'lets proposals have modp1536' }),
    ikeSaLifetimeSeconds: lifetimeText(
      defaultChannelLifetimes.ikeSaLifetimeSeconds,
      'the IKE SA is rekeyed before it is so old',
    ),
    childSaLifetimeSeconds: lifetimeText(
      defaultChannelLifetimes.childSaLifetimeSeconds,
      "the channel's ESP is rekeyed before it is so old, and stops then",
    ),
    datagramOctets: z
      .int()
      .min(shortestDatagramOctets)
      .max(longestDatagramOctets)
      .default(defaultDatagramOctets)
      .meta({ description: 'IP packets with IKE messages are no longer; what is longer goes in fragments' }),
  })
  .prefault({})
  .superRefine((typed, context) => {
    if (typed.allowLegacy) return;
    for (const field of ['ikeProposals', 'espProposals'] as const) {
      typed[field]?.forEach(({ keyword, legacy }, index) => {
        if (!legacy) return;
        const message = `${keyword} is legacy: it takes allowLegacy: true beside it`;
        context.addIssue({ code: 'custom', path: [field, index], message });
      });
    }
  })
  .transform(
    ({
      ikeProposals,
      espProposals,
      ikeSaLifetimeSeconds,
      childSaLifetimeSeconds,
      datagramOctets,
    }): ChannelSettings => ({
      proposals: {
        ike: ikeProposals ?? defaultChannelProposals.ike,
        esp: espProposals ?? defaultChannelProposals.esp,
      },
      lifetimes: { ikeSaLifetimeSeconds, childSaLifetimeSeconds },
      datagramOctets,
    }),
  );
