// SPDX-License-Identifier: Apache-2.0
// Whole recordings, in a worker, so that the page stays responsive: enrols, extracts, compares profiles.
import {Library} from './core.js';

let library;
let model;

const answers = {
  open({module, bytes}) {
    library = new Library(module);
    model = library.openModel(new Uint8Array(bytes));
    const {rateHz, hopSamples, takesProfile, sideOutputs} = model;
    return {rateHz, hopSamples, takesProfile, sideOutputs, kernels: library.kernels, version: library.version};
  },
  enroll: ({samples, rateHz}) => model.enroll(samples, rateHz),
  extract: ({samples, rateHz, profile}) => model.extract(samples, rateHz, profile),
  similarity: ({a, b}) => library.similarity(a, b),
  /** Throws where the profile is damaged, of a newer version or of another model. */
  check({profile}) {
    const session = model.startSession(model.rateHz, 1);
    try {
      session.setTarget(profile);
    } finally {
      session.close();
    }
  },
};

self.onmessage = ({data: {id, question, ...rest}}) => {
  try {
    self.postMessage({id, answer: answers[question](rest)});
  } catch (refusal) {
    self.postMessage({id, refused: refusal.message, code: refusal.code});
  }
};
