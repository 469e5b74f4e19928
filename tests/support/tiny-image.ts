import { Readable } from 'node:stream'
import type Dockerode from 'dockerode'

/**
 * The programs of the tiny image, as commands. The image is one static executable of some 270 bytes, written here byte by
 * byte, so that the tests need neither a registry nor a compiler. The number of arguments decides what it does.
 */
export const PROGRAMS = {
  /** Waits, and ends with 0 when it receives SIGTERM. */
  wait: ['/tiny'],
  /** Ends at once with 7. */
  exit: ['/tiny', 'exit'],
  /** Waits, and ignores SIGTERM. */
  stubborn: ['/tiny', 'stubborn', 'stubborn'],
  /** Writes a line to each output, and ends with 0. */
  say: ['/tiny', 'say', 'say', 'say'],
  /** Writes a line to each output, and then waits like `wait`. */
  announce: ['/tiny', 'say', 'say', 'say', 'say'],
} as const

/** The exit code of `PROGRAMS.exit`. */
export const EXIT_CODE = 7

/** What `PROGRAMS.say` and `PROGRAMS.announce` write to stdout and to stderr. */
export const SAID = { output: 'out\n', errors: 'err\n' } as const

/** The program in x86-64 machine code. System calls have their numbers from Linux' x86-64 table. */
const CODE = Uint8Array.fromHex(
  [
    '488b0424', //         mov  rax, [rsp]        argc
    '4883f804', //         cmp  rax, 4
    '7d46', //             jge  say
    '4883f802', //         cmp  rax, 2
    '742b', //             je   exit
    '7735', //             ja   stubborn
    // wait: a process with the id 1 does not receive signals that it has no handler for, but it can wait for a blocked one.
    '6800400000', //       push 1 << (SIGTERM - 1)
    '31ff', //             xor  edi, edi          SIG_BLOCK
    '4889e6', //           mov  rsi, rsp
    '31d2', //             xor  edx, edx
    '41ba08000000', //     mov  r10d, 8           size of the set
    'b80e000000', //       mov  eax, 14           rt_sigprocmask
    '0f05', //             syscall
    '4889e7', //           mov  rdi, rsp
    '31f6', //             xor  esi, esi
    'b880000000', //       mov  eax, 128          rt_sigtimedwait, with rdx still null: for ever
    '0f05', //             syscall
    '31ff', //             xor  edi, edi
    'eb05', //             jmp  end
    'bf07000000', // exit: mov  edi, 7
    'b83c000000', // end:  mov  eax, 60           exit
    '0f05', //             syscall
    'b822000000', // stubborn: mov eax, 34        pause
    '0f05', //             syscall
    'ebf7', //             jmp  stubborn
    'b801000000', // say:  mov  eax, 1            write
    'bf01000000', //       mov  edi, 1
    '488d3529000000', //   lea  rsi, [rip + out]
    'ba04000000', //       mov  edx, 4            length
    '0f05', //             syscall
    'b801000000', //       mov  eax, 1            write
    'bf02000000', //       mov  edi, 2
    '488d3515000000', //   lea  rsi, [rip + err]
    'ba04000000', //       mov  edx, 4            length
    '0f05', //             syscall
    '833c2405', //         cmp  dword [rsp], 5
    '748c', //             je   wait
    '31ff', //             xor  edi, edi
    'ebb6', //             jmp  end
    Buffer.from(SAID.output + SAID.errors).toString('hex'),
  ].join(''),
)

/**
 * Makes sure that the tiny image is on the host, and returns its name. The name contains the hash of the content, so the
 * image of an earlier run is used again. Its default command is `PROGRAMS.wait`.
 */
export async function ensureTinyImage(docker: Dockerode): Promise<string> {
  const { Arch } = await docker.version()
  if (Arch !== 'amd64') throw new Error(`The tiny test image is x86-64 code; this Docker Engine is ${Arch}.`)
  const archive = tarOf({ tiny: tinyProgram() })
  const tag = new Bun.CryptoHasher('sha256').update(archive).digest('hex').slice(0, 12)
  const image = `roundhouse-test/tiny:${tag}`
  if (await isPresent(docker, image)) return image

  const progress = await docker.importImage(Readable.from([archive]), {
    repo: 'roundhouse-test/tiny',
    tag,
    changes: [`CMD ${JSON.stringify(PROGRAMS.wait)}`, 'LABEL roundhouse.test=image'],
  })
  await new Promise<void>((resolve, reject) => {
    docker.modem.followProgress(progress, (error) => (error ? reject(error) : resolve()))
  })
  return image
}

async function isPresent(docker: Dockerode, image: string): Promise<boolean> {
  try {
    await docker.getImage(image).inspect()
    return true
  } catch (error) {
    if (error instanceof Error && 'statusCode' in error && error.statusCode === 404) return false
    throw error
  }
}

/** The machines of an ELF executable. */
const MACHINES = { amd64: 62, arm64: 183 } as const

/** The program of the tiny image. Its code is always x86-64, whatever machine it claims to be for. */
export function tinyProgram(machine: keyof typeof MACHINES = 'amd64'): Buffer {
  return staticElf(CODE, MACHINES[machine])
}

/** Makes a 64-bit ELF executable with one segment that holds the whole file (layout: man 5 elf). */
function staticElf(code: Uint8Array, machine: number): Buffer {
  const base = 0x400000n
  const headersSize = 64 + 56
  const file = Buffer.alloc(headersSize + code.length)
  file.write('7f454c46020101', 0, 'hex') // Magic, 64-bit, little endian, version.
  file.writeUInt16LE(2, 16) // Type: executable.
  file.writeUInt16LE(machine, 18)
  file.writeUInt32LE(1, 20)
  file.writeBigUInt64LE(base + BigInt(headersSize), 24) // Entry.
  file.writeBigUInt64LE(64n, 32) // Where the program headers are.
  file.writeUInt16LE(64, 52)
  file.writeUInt16LE(56, 54)
  file.writeUInt16LE(1, 56) // One program header:
  file.writeUInt32LE(1, 64) // to be loaded,
  file.writeUInt32LE(5, 68) // readable and executable.
  file.writeBigUInt64LE(base, 80)
  file.writeBigUInt64LE(base, 88)
  file.writeBigUInt64LE(BigInt(file.length), 96)
  file.writeBigUInt64LE(BigInt(file.length), 104)
  file.writeBigUInt64LE(0x1000n, 112)
  file.set(code, headersSize)
  return file
}

/** Makes a tar archive (ustar) of executable files. Their time is fixed, so that equal content gives an equal hash. */
export function tarOf(files: Readonly<Record<string, Buffer>>): Buffer {
  const entries = Object.entries(files).map(([name, content]) => tarEntry(name, content))
  return Buffer.concat([...entries, Buffer.alloc(1024)])
}

function tarEntry(name: string, content: Buffer): Buffer {
  const header = Buffer.alloc(512)
  header.write(name, 0)
  header.write('0000755\0', 100)
  header.write('0000000\0', 108)
  header.write('0000000\0', 116)
  header.write(`${content.length.toString(8).padStart(11, '0')}\0`, 124)
  header.write('00000000000\0', 136)
  header.write('        0', 148) // Blanks in place of the checksum, then the type: a file.
  header.write('ustar\x0000', 257)
  const sum = header.reduce((total, byte) => total + byte, 0)
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  const padding = Buffer.alloc((512 - (content.length % 512)) % 512)
  return Buffer.concat([header, content, padding])
}
