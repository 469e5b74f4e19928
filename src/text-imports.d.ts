/** Files that are imported as text or by their path; Bun embeds both in a compiled binary. */
declare module '*.sql' {
  const text: string
  export default text
}

declare module 'swagger-ui-dist/swagger-ui-bundle.js' {
  const path: string
  export default path
}

declare module '*.md' {
  const path: string
  export default path
}

declare module '*.css' {
  const path: string
  export default path
}

declare module '*.html' {
  const page: unknown
  export default page
}
