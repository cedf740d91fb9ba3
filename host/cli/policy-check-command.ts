/** `sekisho policy check`: is a settings file right? It is read exactly as the server or router would read it. */
import type { Command } from 'commander';
import { HostError } from '../model/host-error.ts';
import { foundProblem, type OutputOptions, print } from './output.ts';
import { readSettings, type SettingsText } from './settings-text.ts';

interface Problem {
  readonly line: number | null;
  readonly column: number | null;
  readonly message: string;
}

interface CheckResult {
  readonly file: string;
  readonly role: SettingsText['role'];
  readonly ok: boolean;
  readonly problems: readonly Problem[];
  /** What is right and yet protects little. */
  readonly warnings: readonly string[];
}

export function addPolicyCheckCommand(parent: Command): void {
  parent
    .command('check')
    .summary('is a settings file right?')
    .description(
      "Reads a server's or a router's settings file as the process itself would, and lists every mistake with line,\n" +
        'column, field and what was expected; of a right file, what protects little. Credential files are not opened,\n' +
        'the network is not touched.',
    )
    .argument(
      '<file>',
      "YAML settings of a setting server or of a router; which of the two shows in the file's fields",
    )
    .option('--json', 'print {"file", "role", "ok", "problems": [{"line", "column", "message"}], "warnings"}')
    .addHelpText(
      'after',
      `
Examples:
  sekisho policy check server.yaml
  sekisho policy check router.yaml && systemctl restart sekisho-router
  sekisho policy check server.yaml --json | jq .problems

Exit codes: 0 the file is right, 1 it has mistakes or cannot be read, 2 wrong command line`,
    )
    .action(async (file: string, options: OutputOptions) => {
      const settings = readSettings(file);
      const result = { file, role: settings.role, ...(await problemsOf(settings)) };
      print(result, options, renderCheck);
      if (!result.ok) foundProblem();
    });
}

async function problemsOf(
  settings: SettingsText,
): Promise<Pick<CheckResult, 'ok' | 'problems' | 'warnings'>> {
  let warnings: string[] = [];
  try {
    if (settings.role === 'router') {
      const { parseRouterFile } = await import('../router/settings-file.ts');
      parseRouterFile(settings.text, settings.file);
    } else {
      const { parsePolicyFile } = await import('../server/distribution-policies/policy-file.ts');
      const { policyWarnings } = await import('../server/distribution-policies/policy-warnings.ts');
      const { distributionPolicies } = parsePolicyFile(settings.text, settings.file);
      warnings = policyWarnings(distributionPolicies);
    }
    return { ok: true, problems: [], warnings };
  } catch (error) {
    if (!(error instanceof HostError && error.code === 'CONFIG_INVALID')) throw error;
    const problems = error.message.split('\n').map((line) => problemOf(settings.file, line));
    return { ok: false, problems, warnings };
  }
}

/** Takes `file:line:column: message` apart; a line without a place is a message as it stands. */
function problemOf(file: string, text: string): Problem {
  const rest = text.startsWith(`${file}:`) ? text.slice(file.length + 1) : text;
  const [, line, column, message] = /^(\d+):(\d+): (.*)$/.exec(rest) ?? [];
  return line === undefined
    ? { line: null, column: null, message: rest.trim() }
    : { line: Number(line), column: Number(column), message: message ?? '' };
}

function renderCheck(result: CheckResult): string {
  if (result.ok) {
    return [
      `${result.file}: right, the settings of a ${result.role}`,
      ...result.warnings.map((warning) => `warning: ${warning}`),
    ].join('\n');
  }
  const lines = result.problems.map(({ line, column, message }) =>
    line === null ? `${result.file}: ${message}` : `${result.file}:${line}:${column}: ${message}`,
  );
  const count = lines.length === 1 ? '1 mistake' : `${lines.length} mistakes`;
  return [...lines, `${count}; nothing of the file would be used`].join('\n');
}
