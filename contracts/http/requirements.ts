/** What may be required of where an execution is worked on: in a submission, of a key, of all. */
import { REGION_PATTERN } from '../catalogue/capabilities.js';
import { requestObject, text, type Schema } from './parts.js';

export const requirementsSchema: Schema = {
  ...requestObject('Requirements', {
    'region?': {
      ...text('Worked on there: `eu` is met by `eu` and by `eu-west`.', 63),
      pattern: REGION_PATTERN,
      examples: ['eu'],
    },
    'retention?': { type: 'string', enum: ['none'], description: 'Nothing is kept.' },
    'training?': { type: 'string', enum: ['never'], description: 'Nothing is learned from it.' },
  }),
  description: 'Only providers that promise all of this are given the execution.',
};
