import { kafkaForTests } from '../log/kafka-broker.js'
import { lettersContract } from './letters.contract.js'

const broker = kafkaForTests()

lettersContract(() => broker.open(), broker.topic)
