import { hostInUrl } from '../core/host-port.ts'

/**
 * Whether only this machine can reach a server that listens at the address: 127.0.0.0/8, ::1 and localhost, in any spelling.
 */
export function isLoopback(address: string): boolean {
  const host = URL.parse(`http://${hostInUrl(address)}`)?.hostname ?? ''
  return host === 'localhost' || host === '[::1]' || /^127(\.\d+){3}$/.test(host)
}
