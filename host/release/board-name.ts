/** Names of boards, as folders of boards/ have them: part of paths in a repository. */
const form = /^[a-z0-9][a-z0-9_-]{0,62}$/;

export function isBoardName(text: string): boolean {
  return form.test(text);
}
