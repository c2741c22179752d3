(** Casts that saturate: what rounds to the largest number of a format or beyond is stored as that
    number, so that its golden value says no more than that. A certificate carries this text where it
    needs it; it is no part of what all certificates rest on. *)

From Coq Require Import Reals ZArith Lia Lra.
From Flocq Require Import Core.
Require Import Nearest Enclosure.
Open Scope R_scope.

(** Whether an enclosure is above the midpoint below a number. *)
Definition reaches (f : format) (bits : Z) (i : I.type) : bool :=
  match midpoints f bits with
  | Some (a, b) =>
      let m := significand f bits in
      ((a <? 4 * m)%Z && (4 * m <? b)%Z
       && before (negb (Z.even m)) (exactly a (exponent f bits - 2)) i)%bool
  | None => false
  end.

Theorem saturates p {ks xs} (known : enclosed ks xs) x f bits :
  reaches f bits (bound p ks x) = true -> value f bits <= nearest f (real xs x).
Proof.
  assert (H := bounded p known x). revert H. generalize (real xs x) (bound p ks x). intros r i H.
  unfold reaches. destruct (midpoints f bits) as [[a b]|] eqn:M; [|easy]. cbv zeta. intros W.
  apply andb_prop in W. destruct W as [W B]. apply andb_prop in W. destruct W as [L U].
  apply Z.ltb_lt in L, U.
  assert (P : (1 < digits f)%Z).
  { unfold midpoints in M. destruct (Z.ltb_spec 1 (digits f)); [assumption|discriminate]. }
  assert (A : encloses (exactly a (exponent f bits - 2)) (IZR a * powerRZ 2 (exponent f bits - 2)))
    by now apply encloses_point.
  assert (Low := before_is _ _ _ _ _ B A H). clear A B.
  assert (V : value f bits = IZR (4 * significand f bits) * powerRZ 2 (exponent f bits - 2)).
  { unfold value. rewrite !powerRZ_bpow, mult_IZR.
    replace (exponent f bits) with (2 + (exponent f bits - 2))%Z at 1 by ring.
    rewrite bpow_plus. change (bpow radix2 2) with 4. ring. }
  assert (S : 0 < powerRZ 2 (exponent f bits - 2)) by (rewrite powerRZ_bpow; apply bpow_gt_0).
  assert (Below : IZR a * powerRZ 2 (exponent f bits - 2) < value f bits)
    by (rewrite V; apply Rmult_lt_compat_r; [exact S|now apply IZR_lt]).
  assert (Above : value f bits < IZR b * powerRZ 2 (exponent f bits - 2))
    by (rewrite V; apply Rmult_lt_compat_r; [exact S|now apply IZR_lt]).
  clear V L U.
  assert (Itself : nearest f (value f bits) = value f bits).
  { apply (certified f bits a b _ M). unfold inside. destruct (Z.even _); lra. }
  destruct (Rle_or_lt r (value f bits)) as [K|K].
  - apply Req_le. symmetry. apply (certified f bits a b r M). unfold inside.
    destruct (Z.even _); cbn [negb] in Low; lra.
  - rewrite <- Itself at 1. apply round_le; [apply FLT_exp_valid; unfold Prec_gt_0; lia| |lra].
    apply valid_rnd_N.
Qed.
