import type { Status } from '../api/types.ts'

/** What the server says of a Docker that does not answer; null if it answers, as far as the status tells. */
export function dockerSilence({ provisioning }: Pick<Status, 'provisioning'>): string | null {
  const blocked = provisioning.blocked_reason_details
  return blocked?.code === 'runtime_unavailable' ? blocked.message : null
}
