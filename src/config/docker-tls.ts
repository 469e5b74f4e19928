import type { FileTexts } from './secret-files.ts'
import type { Config } from './settings.ts'
import type { Problem } from './sources.ts'

/** What Docker's own client looks for in the folder of DOCKER_CERT_PATH, and what it is. */
const CERTIFICATE_FILES = {
  'ca.pem': 'CERTIFICATE',
  'cert.pem': 'CERTIFICATE',
  'key.pem': 'PRIVATE KEY',
} as const

type Settings = Pick<Config, 'DOCKER_HOST' | 'DOCKER_TLS_VERIFY' | 'DOCKER_CERT_PATH'>

/** The port of Docker with TLS. */
const TLS_PORT = /:2376\/?$/

/** Whether Docker is reached with TLS. A socket of this machine never is, whatever the other settings say. */
export function usesTls({ DOCKER_HOST, DOCKER_TLS_VERIFY, DOCKER_CERT_PATH }: Settings): boolean {
  if (!DOCKER_HOST?.startsWith('tcp://')) return false
  return DOCKER_TLS_VERIFY || (DOCKER_CERT_PATH !== null && TLS_PORT.test(DOCKER_HOST))
}

/** The folder of the certificates for Docker; null without TLS. */
export const certificatesOf = (settings: Settings): string | null =>
  usesTls(settings) ? settings.DOCKER_CERT_PATH : null

/** The paths of the files in such a folder. */
export const certificatePaths = (folder: string): readonly string[] =>
  Object.keys(CERTIFICATE_FILES).map((name) => certificatePath(folder, name))

/** What is wrong with the certificates that the settings ask for, by the texts of the files. */
export function certificateProblems(settings: Settings, files: FileTexts): readonly Problem[] {
  const folder = certificatesOf(settings)
  if (folder === null) return []
  const problems = Object.entries(CERTIFICATE_FILES).flatMap(([name, kind]) => {
    const path = certificatePath(folder, name)
    const remedy = remedyFor(files.get(path), kind)
    return remedy === null ? [] : [{ variable: 'DOCKER_CERT_PATH', value: path, remedy }]
  })
  const [first, ...others] = problems
  // Where none can be used, it is the folder that is wrong.
  const isFolder = others.length === 2 && others.every(({ remedy }) => remedy === first?.remedy)
  return isFolder ? [{ variable: 'DOCKER_CERT_PATH', value: folder, remedy: WANTED }] : problems
}

const WANTED =
  'Name a folder that has ca.pem, cert.pem and key.pem, and lets the user of this process read them'

function remedyFor(file: ReturnType<FileTexts['get']>, kind: string): string | null {
  if (file === undefined) return 'Name a folder whose files can be read'
  if ('remedy' in file) return file.remedy
  const isOfKind = new RegExp(`-----BEGIN (?:[A-Z]+ )?${kind}-----`).test(file.text)
  return isOfKind ? null : `Put a ${kind.toLowerCase()} in PEM there: this file has none`
}

const certificatePath = (folder: string, name: string): string => `${folder.replace(/\/+$/, '')}/${name}`

/** Why Docker seems to be meant with TLS, and is asked without; null if it does not. */
export const plainAtTlsPort = (settings: Settings): string | null =>
  settings.DOCKER_HOST !== null && TLS_PORT.test(settings.DOCKER_HOST) && !usesTls(settings)
    ? 'port 2376 is that of Docker with TLS, and it is asked without. Set DOCKER_TLS_VERIFY to true and DOCKER_CERT_PATH'
    : null
