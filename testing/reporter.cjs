/** Mocha's own reporter, and a closing line that says what was run; each skip tells its reason. */
const { reporters } = require('mocha');

module.exports = class Closing extends reporters.Spec {
  constructor(runner, options) {
    super(runner, options);
    const skipped = [];
    runner.on('pending', (test) => skipped.push(test));
    runner.once('end', () => {
      for (const test of skipped) {
        const reason = test.skipReason ?? test.parent?.skipReason ?? 'no reason given';
        process.stdout.write(`  skipped: ${test.fullTitle()} (${reason})\n`);
      }
      const { passes, failures, pending } = this.stats;
      process.stdout.write(`${passes} passed, ${failures} failed, ${pending} skipped\n`);
    });
  }
};
