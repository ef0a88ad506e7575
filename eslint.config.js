import tseslint from 'typescript-eslint';

const ONE_A_LINE = 'Write one property a line, or a smaller function.';
const ARGUMENTS = 'Write the arguments themselves.';
/** A literal that is spread where its members could stand. */
const needlessSpreads = [
  {
    selector: "ObjectExpression > SpreadElement[argument.type='ObjectExpression']",
    message: ONE_A_LINE,
  },
  ...['CallExpression', 'NewExpression'].flatMap((call) => [
    { selector: `${call} > SpreadElement[argument.type='ArrayExpression']`, message: ARGUMENTS },
    {
      selector: `${call} > SpreadElement > TSAsExpression[expression.type='ArrayExpression']`,
      message: ARGUMENTS,
    },
  ]),
];

/** The house rules that a machine can check; test/tidy.spec.ts checks the rest. */
export default tseslint.config(
  {
    ignores: ['**/*.{mjs,cjs}', 'dist/**', 'node_modules/**', 'data/**', 'bench/out/**', '**/*.js'],
  },
  ...tseslint.configs.recommendedTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true } },
    rules: {
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', varsIgnorePattern: '^_', ignoreRestSiblings: true },
      ],
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/restrict-template-expressions': 'off',
      'max-lines-per-function': 'off',
      'no-console': 'error',
      'no-restricted-syntax': ['error', ...needlessSpreads],
      eqeqeq: 'error',
    },
  },
  {
    files: ['**/*.spec.ts', '**/testing/**', 'test/**', 'bench/**', 'scripts/**'],
    rules: {
      '@typescript-eslint/no-unused-expressions': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
      'no-console': 'off',
    },
  },
);
