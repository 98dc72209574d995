/** The slice of all tenants, and how it is asked. */
import type { Principal } from '@convergence/contracts';
import { type Call, currentTraceId } from '@convergence/service';
import type { CommandMeta, Slice } from '@convergence/slice';
import type { ReplyOf, TenantCommand, TenantsState } from '@convergence/tenants';

export type TenantsSlice = Slice<TenantsState, TenantCommand>;

/** The service itself, where nobody asked. */
export const ITSELF: Principal = { kind: 'service', service: 'tenant-service' };

/** Who asks, for the audit trail, and the trace that the command belongs to. */
export const asked = (call: Pick<Call, 'principal'> | { readonly principal: Principal }): CommandMeta => ({
  actor: call.principal,
  traceId: currentTraceId(),
});

/** `slice.execute` with the reply's type by the command's kind. */
export const execute = <C extends TenantCommand>(slice: TenantsSlice, command: C, meta: CommandMeta): Promise<ReplyOf<C>> =>
  slice.execute<ReplyOf<C>>(command, meta);
