import type { HostPort } from './types.ts'

/**
 * The host as it stands before a port, in URLs and in sentences: an IPv6 address in brackets. acexy puts the host of
 * `/engines` and the port together without a look at either, so it gets the host in this form too.
 */
export const hostInUrl = (host: string): string =>
  host.includes(':') && !host.startsWith('[') ? `[${host}]` : host

/** Whether a host, as acexy is told it, stands for the machine or the container that uses it. */
export const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || host === '[::1]' || host.startsWith('127.')

/** Whether an address to listen on stands for all addresses of the host. */
export const isEverywhere = (address: string): boolean => ['', '0.0.0.0', '::'].includes(address)

/** Whether an address, as Docker writes it, is one that only the host itself reaches. */
export const isLoopbackAddress = (address: string): boolean =>
  address === '::1' || /^127(\.\d+){3}$/.test(address)

/** A host and port as in a URL. */
export const hostPort = ({ host, port }: HostPort): string => `${hostInUrl(host)}:${port}`
