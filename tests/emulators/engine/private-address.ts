const PRIVATE_RANGES = [
  /^127\./,
  /^10\./,
  /^192\.168\./,
  /^172\.(1[6-9]|2\d|3[01])\./,
  /^::1$/,
  /^f[cd][0-9a-f]{2}:/i,
  /^fe[89ab][0-9a-f]:/i,
]

/** Whether an address is the machine's own or in a private subnet. Without `--bind-all`, an engine serves only these. */
export function isPrivateAddress(address: string): boolean {
  const plain = address.replace(/^::ffff:/i, '')
  return PRIVATE_RANGES.some((range) => range.test(plain))
}
