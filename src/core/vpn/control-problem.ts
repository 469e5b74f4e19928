/**
 * A problem with a control server in two parts. It is told as "what it is: what to do", where "what it is" may name an
 * address with its port. Several problems stay together in the second part.
 */
export function partsOfProblem(problem: string): readonly [message: string, remedy: string] {
  const at = problem.indexOf(': ')
  return at < 0 ? [problem, 'see its log'] : [problem.slice(0, at), problem.slice(at + 2)]
}
