/** A platform in the names that Docker and Go use: `linux`, `amd64`, `arm64`, `arm`. */
export interface Platform {
  readonly os: string
  readonly architecture: string
}

/** Whether an image of one platform starts on a host of another without emulation. A 64-bit ARM host runs 32-bit programs. */
export function runsOn(image: Platform, host: Platform): boolean {
  if (image.os !== host.os) return false
  if (image.architecture === host.architecture) return true
  const pair = `${image.architecture} on ${host.architecture}`
  return pair === 'arm on arm64' || pair === '386 on amd64'
}
