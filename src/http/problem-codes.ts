import { REFUSAL_CODES } from '../core/provisioning/refusal.ts'

/**
 * The codes of failures that are not a refused provision. They are part of the API contract and are never renamed.
 * `caller_gone` stands only in logs, because nobody is there to read the answer.
 */
const OTHER_CODES = [
  'malformed_host',
  'malformed_target',
  'body_not_received',
  'missing_token',
  'invalid_token',
  'cross_site',
  'host_not_allowed',
  'image_not_allowed',
  'not_found',
  'engine_not_found',
  'stream_not_found',
  'method_not_allowed',
  'engine_provisioning',
  'too_large',
  'invalid_request',
  'too_many_requests',
  'caller_gone',
  'internal_error',
  'too_many_subscribers',
] as const

/** All codes that a problem document may have. */
export const PROBLEM_CODES = [...REFUSAL_CODES, ...OTHER_CODES] as const

export type ProblemCode = (typeof PROBLEM_CODES)[number]
