import fc from 'fast-check'

/**
 * Every run looks at the same cases, so that a failure is a change's and not chance's. Another seed explores others.
 */
fc.configureGlobal({ seed: Number(process.env['FAST_CHECK_SEED'] ?? 20_250_106) })
