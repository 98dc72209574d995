/** NET.* functions. */
import { type FunctionSpec, scalar } from './call.ts';

export const netFunctions: readonly FunctionSpec[] = [
  scalar('NET.HOST', ['STRING -> STRING', 'gs_net_host($1)']),
  scalar('NET.PUBLIC_SUFFIX', ['STRING -> STRING', 'gs_net_suffix($1)']),
  scalar('NET.REG_DOMAIN', ['STRING -> STRING', 'gs_net_domain($1)']),
  scalar('NET.IP_FROM_STRING', ['STRING -> BYTES', 'gs_ip_from($1)']),
  scalar('NET.SAFE_IP_FROM_STRING', ['STRING -> BYTES', 'TRY(gs_ip_from($1))']),
  scalar('NET.IP_TO_STRING', ['BYTES -> STRING', 'gs_ip_text($1)']),
  scalar('NET.IP_TRUNC', ['BYTES, INT64 -> BYTES', 'gs_ip_trunc($1, $2)']),
  scalar('NET.IP_NET_MASK', ['INT64, INT64 -> BYTES', 'gs_ip_mask($1, $2)']),
  scalar('NET.IPV4_FROM_INT64', ['INT64 -> BYTES', 'gs_ip_v4_int($1)']),
  scalar('NET.IPV4_TO_INT64', ['BYTES -> INT64', 'gs_int_v4($1)']),
];
