/** The settings that a running router cannot take: whoever changes them has to start it anew. */
import { withoutSecrets } from '../model/credential-sources.ts';
import type { RouterSettings } from './settings-file.ts';

/** All but the SPD, in a form that can be compared and holds no secret. */
export function othersThanSpd({ spd: _, ...others }: RouterSettings): string {
  return JSON.stringify({ ...others, credential: withoutSecrets(others.credential) });
}
