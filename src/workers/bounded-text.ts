/** The answers that we ask for have some kilobytes; what is longer is none of them. */
const LENGTH_MAX = 64 * 1024

/** The body of an answer as text. Throws for one over the bound; what is left of it is not read. */
export async function boundedText(response: Response): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk, { stream: true })
    if (text.length > LENGTH_MAX) throw new Error('too long')
  }
  return text + decoder.decode()
}
