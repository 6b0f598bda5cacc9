import { engineHarness } from '../engine-harness.js'
import { deadLettersContract } from './dead-letters.contract.js'

deadLettersContract(() => engineHarness())
