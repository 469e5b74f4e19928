/** What a command has to say, and the exit code of the process. The texts end with a newline, or are empty. */
export interface Told {
  readonly code: 0 | 1
  readonly stdout: string
  readonly stderr: string
}

export const done = (stdout: string): Told => ({ code: 0, stdout, stderr: '' })

/** Ends a command that could not do what it was told to, with a sentence that says why and what to do. */
export const failed = (why: string, remedy: string): Told => ({
  code: 1,
  stdout: '',
  stderr: `roundhouse: ${why}.\nRemedy: ${remedy}.\n`,
})
