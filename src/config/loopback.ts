/** Whether nobody but this machine reaches what listens there: 127.0.0.0/8, ::1 and localhost, however they are spelt. */
export function isLoopback(address: string): boolean {
  const host = URL.parse(`http://${address.includes(':') ? `[${address}]` : address}`)?.hostname ?? ''
  return host === 'localhost' || host === '[::1]' || /^127(\.\d+){3}$/.test(host)
}
