/**
 * What can be done to the settings on a config flash, as `sekisho router config` says it: to a router that runs, as the body of
 * `POST /config` at its control socket, or to a device that no router uses. And what comes back.
 *
 * Files are named, not sent: the process that writes the flash reads them itself, so no key passes through a socket.
 */
import { z } from 'zod';
import { defaultTrialSeconds } from '../flash/trial.ts';
import { HostError } from '../model/host-error.ts';
import { flashStateSchema } from '../model/status.ts';

const trialFields = {
  /** How long the change is tried; less would be over before an answer can count. */
  seconds: z.number().min(5).max(86_400).default(defaultTrialSeconds),
  /** A person has to confirm it. */
  isManual: z.boolean().default(false),
};

const configCommandSchema = z.discriminatedUnion('what', [
  z.strictObject({ what: z.literal('apply'), file: z.string().min(1), ...trialFields }),
  z.strictObject({
    what: z.literal('set'),
    path: z.string().min(1).max(256),
    /** YAML; absent to remove the field. */
    value: z.string().max(65_536).optional(),
    ...trialFields,
  }),
  z.strictObject({ what: z.literal('rollback'), ...trialFields }),
  z.strictObject({ what: z.literal('confirm') }),
  z.strictObject({ what: z.literal('factory-reset') }),
]);

export type ConfigCommand = z.output<typeof configCommandSchema>;
/** As it is typed, with defaults left out. */
export type ConfigRequest = z.input<typeof configCommandSchema>;

/** Throws HostError USAGE. */
export function parseConfigCommand(body: unknown): ConfigCommand {
  const parsed = configCommandSchema.safeParse(body);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new HostError('USAGE', `${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'expected a command'}`);
}

/** Answer of `GET /config`. */
export const configSchema = z.looseObject({
  state: flashStateSchema,
  /** The settings in force, or on trial, as YAML without secrets; null without any. */
  settings: z.string().nullable(),
});

/** Answer of `POST /config`. */
export const configAnswerSchema = z.looseObject({
  /** The revision that was written; null when nothing had to change. */
  revision: z.number().nullable(),
  /** True while it is on trial. */
  isOnTrial: z.boolean(),
});

export type ConfigAnswer = z.output<typeof configAnswerSchema>;
