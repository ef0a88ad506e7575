/** What may be required of where an execution is worked on: in a submission, of a key, of all. */
import { REGION_PATTERN, type Promises } from '../catalogue/capabilities.js';
import { answerObject, orNull, requestObject, text, type Schema } from './parts.js';

const requirementFields = {
  'region?': {
    ...text('Worked on there: `eu` is met by `eu` and by `eu-west`.', 63),
    pattern: REGION_PATTERN,
    examples: ['eu'],
  },
  'retention?': { type: 'string', enum: ['none'], description: 'Nothing is kept.' },
  'training?': { type: 'string', enum: ['never'], description: 'Nothing is learned from it.' },
};

export const requirementsSchema: Schema = {
  ...requestObject('Requirements', requirementFields),
  description: 'Only providers that promise all of this are given the execution.',
};

export const organizationRequirementsSchema: Schema = {
  ...requestObject('SetRequirements', requirementFields),
  description: 'All of it is required from now on; what is absent is not.',
  examples: [{ region: 'eu', training: 'never' }],
};

export const requirementsInForceSchema: Schema = answerObject('OrganizationRequirements', {
  region: orNull(requirementFields['region?']),
  retention: { ...orNull(requirementFields['retention?']), enum: ['none', null] },
  training: { ...orNull(requirementFields['training?']), enum: ['never', null] },
});

export const requirementsBody = ({ region, retention, training }: Promises = {}) => ({
  region: region ?? null,
  retention: retention ?? null,
  training: training ?? null,
});
