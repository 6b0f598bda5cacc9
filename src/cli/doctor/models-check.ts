import type { Config } from '../../config/load.js'
import type { Check } from '../../contracts/checks.js'
import { checked } from './local-checks.js'

/** Opens every model of the streams' families as the engine does. */
export const modelsCheck = (config: Config): Promise<Check> =>
  checked('models', async () => {
    const { checkModels } = await import('../../compose/model-checks.js')
    const models = await checkModels(config)
    const problems = models.flatMap(({ problem }) => problem ?? [])
    if (problems.length > 0) throw new Error(problems.join('; '))
    return models.map(({ detail }) => detail).join(', ') || 'no stream names a family'
  })
