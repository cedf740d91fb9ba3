/** Where a bug can be planted: each hook wraps a shipped part, or a model, with one that does wrong. */
import type { Engine } from '../../host/dataplane/engine.ts';
import type { SettingManagement } from '../../host/router/setting-management/setting-management.ts';
import type { RequestProcessing } from '../../host/server/request-processing/request-processing.ts';
import type { ModelFaults } from './engine-model.ts';

export type RouterMachine = Pick<
  SettingManagement,
  'start' | 'handle' | 'nextDeadline' | 'requests' | 'status'
>;
export type ServerMachine = Pick<RequestProcessing, 'start' | 'handle' | 'nextDeadline' | 'table'>;

export interface Plant {
  readonly modelFaults?: ModelFaults;
  readonly engine?: (engine: Engine) => Engine;
  readonly router?: (machine: RouterMachine) => RouterMachine;
  readonly server?: (machine: ServerMachine) => ServerMachine;
}
