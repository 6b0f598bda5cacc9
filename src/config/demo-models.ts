/**
 * The models of the package that serve from the start, `family/version`. A new version of the package decides about
 * them; a model that is only added to a folder does not serve.
 */
export const demoModels: readonly string[] = ['attendance-fraud/v001', 'meter-ocr/v001', 'sync-conflict/v001']
