(** Every main theorem with what it rests on. The script compares this output with
    [assumptions.expected]. *)

Require Algebra Layouts Permutation Decay Fixed Chain Float Product Rounding Entry Certified Table
  Rotate Rotated Buckets StandardBuckets Slopes Nearest Enclosure Saturates Model
  Samples.

Print Assumptions Algebra.score.
Print Assumptions Algebra.relative_position.
Print Assumptions Algebra.only_the_difference.
Print Assumptions Algebra.composition.
Print Assumptions Algebra.identity.
Print Assumptions Algebra.group_law.
Print Assumptions Algebra.inverse.
Print Assumptions Algebra.plane_norm.
Print Assumptions Algebra.isometry.
Print Assumptions Algebra.adjoint.
Print Assumptions Layouts.interleaved_score.
Print Assumptions Layouts.half_score.
Print Assumptions Layouts.interleaved_elementwise.
Print Assumptions Layouts.half_elementwise.
Print Assumptions Permutation.rotate_moved.
Print Assumptions Permutation.dot_moved.
Print Assumptions Permutation.sources_inverse.
Print Assumptions Permutation.checkpoint_conversion.
Print Assumptions Decay.abel.
Print Assumptions Decay.decay_bound.
Print Assumptions Decay.largest_attained.
Print Assumptions Decay.score_bound.
Print Assumptions Decay.no_decay.
Print Assumptions Decay.no_decay_gap.
Print Assumptions Float.fused_accurate.
Print Assumptions Float.dekker_accurate.
Print Assumptions Fixed.multiply_fits.
Print Assumptions Fixed.times_error.
Print Assumptions Chain.chain_bound.
Print Assumptions Product.dot_plus_close.
Print Assumptions Product.dot_minus_close.
Print Assumptions Rounding.double_test.
Print Assumptions Rounding.plain_product.
Print Assumptions Rounding.plain_product_small.
Print Assumptions Rounding.plain_test.
Print Assumptions Rounding.bf16_by_odd.
Print Assumptions Rounding.binary16_by_odd.
Print Assumptions Entry.entry_error.
Print Assumptions Certified.double_certified.
Print Assumptions Certified.plain_certified.
Print Assumptions Table.table_f64.
Print Assumptions Table.table_narrow.
Print Assumptions Rotate.turn_error.
Print Assumptions Rotated.rotation_certified.
Print Assumptions Rotated.narrow_rotation_certified.
Print Assumptions Buckets.buckets_right.
Print Assumptions StandardBuckets.t5_32_128_bidirectional.
Print Assumptions StandardBuckets.t5_32_128_causal.
Print Assumptions StandardBuckets.t5_32_256_bidirectional.
Print Assumptions StandardBuckets.t5_32_256_causal.
Print Assumptions Slopes.slopes_of_the_release.
Print Assumptions Slopes.slopes_of_the_paper.
Print Assumptions Slopes.slopes_agree.
Print Assumptions Slopes.eight_heads.
Print Assumptions Nearest.certified.
Print Assumptions Nearest.certified_infinity.
Print Assumptions Enclosure.bounded.
Print Assumptions Enclosure.rounds.
Print Assumptions Enclosure.overflows.
Print Assumptions Saturates.saturates.
Print Assumptions Model.program_plus.
Print Assumptions Model.program_minus.
Print Assumptions Model.program_is_dekker.
Print Assumptions Model.program_is_entry.
Print Assumptions Model.program_is_plain.
Print Assumptions Samples.model_is_the_code.
