From Coq Require Import Reals ZArith Lia Lra.
From Flocq Require Import Core.
Open Scope R_scope.

(** ** IEEE formats: digits of the significand, bits of the exponent, exponent of the last bit of a
    subnormal number. *)
Record format := Format { digits : Z; field : Z; least : Z }.
Definition F64 := Format 53 11 (-1074).
Definition F32 := Format 24 8 (-149).
Definition BF16 := Format 8 8 (-133).
Definition F16 := Format 11 5 (-24).

(** What a finite bit pattern stands for: significand · 2^exponent. *)
Definition biased (f : format) (bits : Z) : Z := (bits / 2 ^ (digits f - 1) mod 2 ^ field f)%Z.
Definition significand (f : format) (bits : Z) : Z :=
  let fraction := (bits mod 2 ^ (digits f - 1))%Z in
  let magnitude := if (biased f bits =? 0)%Z then fraction else (fraction + 2 ^ (digits f - 1))%Z in
  if (bits / 2 ^ (digits f - 1 + field f) =? 0)%Z then magnitude else (- magnitude)%Z.
Definition exponent (f : format) (bits : Z) : Z := (Z.max (biased f bits) 1 - 1 + least f)%Z.
Definition value (f : format) (bits : Z) : R := IZR (significand f bits) * powerRZ 2 (exponent f bits).

(** Rounding to nearest, ties to even, with gradual underflow (Flocq). *)
Definition nearest (f : format) (x : R) : R :=
  round radix2 (FLT_exp (least f) (digits f)) ZnearestE x.

(** ** An enclosure between the midpoints to the neighbours decides the rounding. *)
Lemma powerRZ_bpow e : powerRZ 2 e = bpow radix2 e.
Proof. rewrite bpow_powerRZ. reflexivity. Qed.

Lemma rounds_at f m e x :
  (0 < digits f)%Z -> cexp radix2 (FLT_exp (least f) (digits f)) x = e ->
  (IZR (2 * m - 1) * powerRZ 2 (e - 1) < x < IZR (2 * m + 1) * powerRZ 2 (e - 1) \/
   Z.even m = true /\ IZR (2 * m - 1) * powerRZ 2 (e - 1) <= x <= IZR (2 * m + 1) * powerRZ 2 (e - 1)) ->
  nearest f x = IZR m * powerRZ 2 e.
Proof.
  intros P C H. unfold nearest, round, F2R. cbn [Fnum Fexp]. rewrite C, powerRZ_bpow. f_equal. f_equal.
  unfold scaled_mantissa. rewrite C. rewrite !powerRZ_bpow in H.
  assert (W : 0 < bpow radix2 (e - 1)) by apply bpow_gt_0.
  assert (S : bpow radix2 (- e) * bpow radix2 (e - 1) = / 2).
  { rewrite <- bpow_plus. replace (- e + (e - 1))%Z with (-1)%Z by ring. reflexivity. }
  assert (K : forall k, IZR k * bpow radix2 (e - 1) * bpow radix2 (- e) = IZR k / 2).
  { intros k. rewrite Rmult_assoc, (Rmult_comm (bpow radix2 (e - 1))), S. reflexivity. }
  assert (V : 0 < bpow radix2 (- e)) by apply bpow_gt_0.
  assert (A : IZR (2 * m - 1) / 2 = IZR m - / 2) by (rewrite minus_IZR, mult_IZR; field).
  assert (B : IZR (2 * m + 1) / 2 = IZR m + / 2) by (rewrite plus_IZR, mult_IZR; field).
  destruct H as [[L U]|[E [L U]]].
  - apply (Rmult_lt_compat_r _ _ _ V) in L. apply (Rmult_lt_compat_r _ _ _ V) in U.
    rewrite K, A in L. rewrite K, B in U.
    apply Znearest_imp. apply Rabs_lt. lra.
  - apply (Rmult_le_compat_r _ _ _ (Rlt_le _ _ V)) in L.
    apply (Rmult_le_compat_r _ _ _ (Rlt_le _ _ V)) in U.
    rewrite K, A in L. rewrite K, B in U.
    set (y := x * bpow radix2 (- e)) in *.
    destruct (Req_dec y (IZR m - / 2)) as [Q|N1].
    + assert (F : Zfloor y = (m - 1)%Z).
      { apply Zfloor_imp. rewrite plus_IZR, minus_IZR. lra. }
      unfold Znearest. rewrite F.
      rewrite Rcompare_Eq by (rewrite minus_IZR; lra).
      rewrite Z.even_sub, E. cbn.
      apply Zceil_imp. rewrite minus_IZR. lra.
    + destruct (Req_dec y (IZR m + / 2)) as [Q|N2].
      * assert (F : Zfloor y = m) by (apply Zfloor_imp; rewrite plus_IZR; lra).
        unfold Znearest. rewrite F. rewrite Rcompare_Eq by lra. rewrite E. reflexivity.
      * apply Znearest_imp. apply Rabs_lt. lra.
Qed.

(** A positive significand m at exponent e, as a format has them, and the two midpoints, in units of
    2^(e - 2): a power of two has its lower neighbour at half the distance. *)
Definition has (f : format) (m e : Z) : bool :=
  ((1 <? digits f) && (least f <=? e) && (0 <? m) && (m <? 2 ^ digits f)
   && ((e =? least f) || (2 ^ (digits f - 1) <=? m)))%Z%bool.
Definition below (f : format) (m e : Z) : Z :=
  if ((least f <? e) && (m =? 2 ^ (digits f - 1)))%Z%bool then (4 * m - 1)%Z else (4 * m - 2)%Z.

Lemma quarters k e : IZR (2 * k) * powerRZ 2 (e - 2) = IZR k * powerRZ 2 (e - 1).
Proof.
  rewrite !powerRZ_bpow, mult_IZR. replace (e - 1)%Z with (1 + (e - 2))%Z by ring.
  rewrite bpow_plus. change (bpow radix2 1) with 2. ring.
Qed.

Lemma rounds_positive f m e x :
  has f m e = true ->
  (IZR (below f m e) * powerRZ 2 (e - 2) < x < IZR (4 * m + 2) * powerRZ 2 (e - 2) \/
   Z.even m = true /\ IZR (below f m e) * powerRZ 2 (e - 2) <= x <= IZR (4 * m + 2) * powerRZ 2 (e - 2)) ->
  nearest f x = IZR m * powerRZ 2 e.
Proof.
  intros Has H. unfold has in Has. rewrite !Bool.andb_true_iff, Bool.orb_true_iff in Has.
  destruct Has as ((((P & E) & M0) & M1) & D).
  apply Z.ltb_lt in P, M0, M1. apply Z.leb_le in E.
  set (p := digits f) in *.
  assert (Two : (2 ^ p = 2 * 2 ^ (p - 1))%Z)
    by (rewrite <- Z.pow_succ_r by lia; f_equal; lia).
  assert (W : 0 < bpow radix2 (e - 2)) by apply bpow_gt_0.
  assert (Up : x < bpow radix2 (p + e)).
  { apply Rle_lt_trans with (IZR (4 * m + 2) * powerRZ 2 (e - 2)); [lra|].
    rewrite powerRZ_bpow. replace (p + e)%Z with (p + 2 + (e - 2))%Z by ring.
    rewrite bpow_plus. apply Rmult_lt_compat_r; [exact W|].
    rewrite <- IZR_Zpower by lia. apply IZR_lt. change (radix2 : Z) with 2%Z.
    rewrite Z.pow_add_r by lia. change (2 ^ 2)%Z with 4%Z. lia. }
  assert (Pos : 0 < x).
  { apply Rlt_le_trans with (IZR (below f m e) * powerRZ 2 (e - 2)); [|lra].
    rewrite powerRZ_bpow. apply Rmult_lt_0_compat; [|exact W]. apply IZR_lt.
    unfold below. destruct (_ && _)%bool; lia. }
  assert (Mag : (mag radix2 x <= p + e)%Z)
    by (apply mag_le_bpow; [lra|rewrite Rabs_pos_eq; lra]).
  assert (Usual : below f m e = (4 * m - 2)%Z -> cexp radix2 (FLT_exp (least f) p) x = e ->
                  nearest f x = IZR m * powerRZ 2 e).
  { intros B C. apply rounds_at; [fold p; lia|exact C|].
    rewrite B in H. replace (4 * m - 2)%Z with (2 * (2 * m - 1))%Z in H by ring.
    replace (4 * m + 2)%Z with (2 * (2 * m + 1))%Z in H by ring. rewrite !quarters in H. exact H. }
  assert (At : forall k, bpow radix2 k <= x -> (k < mag radix2 x)%Z)
    by (intros k K; apply mag_gt_bpow; rewrite Rabs_pos_eq; lra).
  unfold below in *. fold p in H, Usual. unfold cexp, FLT_exp in *.
  destruct (Z.ltb_spec (least f) e) as [L|L].
  2: { (* At the least exponent all numbers are equally far apart. *)
       apply Usual; [reflexivity|]. lia. }
  destruct D as [D|D]; [apply Z.eqb_eq in D; lia|]. apply Z.leb_le in D.
  cbn [andb] in *. fold p in Usual, H. destruct (Z.eqb_spec m (2 ^ (p - 1))) as [B|B].
  - clear Usual. assert (Pow : IZR m * powerRZ 2 e = bpow radix2 (p - 1 + e)).
    { rewrite powerRZ_bpow, bpow_plus. f_equal. rewrite <- IZR_Zpower by lia. f_equal. exact B. }
    destruct (Rle_or_lt (bpow radix2 (p - 1 + e)) x) as [G|G].
    + apply rounds_at; [fold p; lia| |].
      * fold p. unfold cexp, FLT_exp. assert (X := At _ G). lia.
      * right. split.
        { rewrite B. replace (p - 1)%Z with (Z.succ (p - 2)) by lia.
          rewrite Z.pow_succ_r by lia. now rewrite Z.even_mul. }
        rewrite <- !quarters. split.
        -- apply Rle_trans with (2 := G). rewrite <- Pow, !powerRZ_bpow.
           replace (bpow radix2 e) with (4 * bpow radix2 (e - 2)).
           2: { replace e with (2 + (e - 2))%Z at 2 by ring. rewrite bpow_plus. reflexivity. }
           rewrite <- Rmult_assoc. apply Rmult_le_compat_r; [lra|].
           replace 4 with (IZR 4) by reflexivity. rewrite <- mult_IZR. apply IZR_le. lia.
        -- replace (2 * (2 * m + 1))%Z with (4 * m + 2)%Z by ring. lra.
    + replace (IZR m * powerRZ 2 e) with (IZR (2 * m) * powerRZ 2 (e - 1)).
      2: { rewrite !powerRZ_bpow, mult_IZR. replace e with (1 + (e - 1))%Z at 2 by ring.
           rewrite bpow_plus. change (bpow radix2 1) with 2. ring. }
      assert (Lo : bpow radix2 (p - 1 + e - 1) <= x).
      { apply Rle_trans with (IZR (4 * m - 1) * powerRZ 2 (e - 2)); [|lra].
        rewrite powerRZ_bpow. replace (p - 1 + e - 1)%Z with (p + (e - 2))%Z by ring.
        rewrite bpow_plus. apply Rmult_le_compat_r; [lra|].
        rewrite <- IZR_Zpower by lia. apply IZR_le. change (radix2 : Z) with 2%Z. lia. }
      apply rounds_at; [fold p; lia| |].
      * fold p. unfold cexp, FLT_exp. assert (X := At _ Lo).
        assert (Y : (mag radix2 x <= p - 1 + e)%Z)
          by (apply mag_le_bpow; [lra|rewrite Rabs_pos_eq; lra]). lia.
      * right. split; [now rewrite Z.even_mul|].
        replace (e - 1 - 1)%Z with (e - 2)%Z by ring.
        replace (2 * (2 * m) - 1)%Z with (4 * m - 1)%Z by ring. split; [lra|].
        apply Rlt_le, Rlt_le_trans with (1 := G). rewrite <- Pow, powerRZ_bpow.
        replace e with (2 + (e - 2))%Z at 1 by ring. rewrite powerRZ_bpow, bpow_plus.
        change (bpow radix2 2) with 4. rewrite <- Rmult_assoc. apply Rmult_le_compat_r; [lra|].
        replace 4 with (IZR 4) by reflexivity. rewrite <- mult_IZR. apply IZR_le. lia.
  - apply Usual; [reflexivity|]. assert (G : bpow radix2 (p - 1 + e) <= x).
    { apply Rle_trans with (IZR (4 * m - 2) * powerRZ 2 (e - 2)); [|lra].
      rewrite powerRZ_bpow. replace (p - 1 + e)%Z with (p + 1 + (e - 2))%Z by ring.
      rewrite bpow_plus. apply Rmult_le_compat_r; [lra|].
      rewrite <- IZR_Zpower by lia. apply IZR_le. change (radix2 : Z) with 2%Z.
      rewrite Z.pow_add_r by lia. change (2 ^ 1)%Z with 2%Z. lia. }
    assert (X := At _ G). lia.
Qed.

Lemma nearest_opp f x : nearest f (- x) = - nearest f x.
Proof. apply round_NE_opp. Qed.

Lemma rounds_to_zero f x :
  (1 < digits f)%Z ->
  IZR (-2) * powerRZ 2 (least f - 2) <= x <= IZR 2 * powerRZ 2 (least f - 2) -> nearest f x = 0.
Proof.
  intros P H. destruct (Req_dec x 0) as [->|N].
  { unfold nearest. apply round_0. auto with typeclass_instances. }
  replace 0 with (IZR 0 * powerRZ 2 (least f)) by ring. apply rounds_at; [lia| |].
  - assert (M : (mag radix2 x <= least f)%Z).
    { apply mag_le_bpow; [exact N|]. apply Rle_lt_trans with (bpow radix2 (least f - 1)).
      - rewrite !powerRZ_bpow in H. replace (least f - 1)%Z with (1 + (least f - 2))%Z by ring.
        rewrite bpow_plus. change (bpow radix2 1) with 2. apply Rabs_le. lra.
      - apply bpow_lt. lia. }
    unfold cexp, FLT_exp. lia.
  - right. split; [reflexivity|]. rewrite <- !quarters. exact H.
Qed.

(** What rounds to a bit pattern lies between two midpoints, in units of 2^(exponent - 2). *)
Definition midpoints (f : format) (bits : Z) : option (Z * Z) :=
  let m := significand f bits in
  let e := exponent f bits in
  if (1 <? digits f)%Z then
    match m with
    | Z0 => if (e =? least f)%Z then Some (-2, 2)%Z else None
    | Zpos _ => if has f m e then Some (below f m e, 4 * m + 2)%Z else None
    | Zneg _ => if has f (- m) e then Some (- (4 * - m + 2), - below f (- m) e)%Z else None
    end
  else None.

(** The midpoints themselves are ties, which go to the even of the two neighbours. *)
Definition inside (even : bool) (low x high : R) : Prop :=
  if even then low <= x <= high else low < x < high.

(** ** What every lemma of a certificate rests on. *)
Theorem certified f bits a b x :
  midpoints f bits = Some (a, b) ->
  inside (Z.even (significand f bits)) (IZR a * powerRZ 2 (exponent f bits - 2)) x
    (IZR b * powerRZ 2 (exponent f bits - 2)) ->
  nearest f x = value f bits.
Proof.
  unfold midpoints, value, inside. cbv zeta.
  set (m := significand f bits). set (e := exponent f bits).
  destruct (Z.ltb_spec 1 (digits f)) as [P|]; [|discriminate]. intros D H.
  assert (K : IZR a * powerRZ 2 (e - 2) < x < IZR b * powerRZ 2 (e - 2) \/
    Z.even m = true /\ IZR a * powerRZ 2 (e - 2) <= x <= IZR b * powerRZ 2 (e - 2))
    by (destruct (Z.even m); auto).
  clear H. destruct m as [|q|q] eqn:M.
  - destruct (Z.eqb_spec e (least f)) as [E|]; [|discriminate]. injection D as <- <-.
    rewrite E in K. rewrite Rmult_0_l.
    apply rounds_to_zero; [exact P|]. destruct K as [K|[_ K]]; lra.
  - destruct (has f (Z.pos q) e) eqn:E; [|discriminate]. injection D as <- <-.
    now apply rounds_positive.
  - destruct (has f (- Z.neg q) e) eqn:E; [|discriminate].
    assert (A : (a = - (4 * - Z.neg q + 2))%Z) by congruence.
    assert (B : (b = - below f (- Z.neg q) e)%Z) by congruence. subst a b.
    rewrite <- (Ropp_involutive x), nearest_opp.
    rewrite (rounds_positive f (- Z.neg q) e (- x) E).
    + rewrite opp_IZR. ring.
    + rewrite !opp_IZR in K. rewrite Z.even_opp.
      destruct K as [K|[V K]]; [left; lra|right; split; [exact V|lra]].
Qed.

(** Overflow: the rounded value, were there numbers so large, is at least the first power of two that
    the format lacks, which IEEE rounds to infinity. *)
Definition overflow (f : format) : R := powerRZ 2 (2 ^ (field f - 1)).

Theorem certified_infinity f x :
  has f (2 ^ (digits f - 1)) (2 ^ (field f - 1) - digits f + 1) = true ->
  ((least f <? 2 ^ (field f - 1) - digits f + 1) = true)%Z ->
  IZR (4 * 2 ^ (digits f - 1) - 1) * powerRZ 2 (2 ^ (field f - 1) - digits f + 1 - 2) <= x ->
  overflow f <= nearest f x.
Proof.
  set (m := (2 ^ (digits f - 1))%Z). set (e := (2 ^ (field f - 1) - digits f + 1)%Z). intros H L X.
  assert (P : (1 < digits f)%Z).
  { unfold has in H. rewrite !Bool.andb_true_iff in H. destruct H as ((((P & _) & _) & _) & _).
    now apply Z.ltb_lt. }
  assert (B : below f m e = (4 * m - 1)%Z).
  { unfold below. fold m. rewrite L, Z.eqb_refl. reflexivity. }
  replace (overflow f) with (IZR m * powerRZ 2 e).
  - rewrite <- (rounds_positive f m e (IZR (4 * m - 1) * powerRZ 2 (e - 2)) H).
    + unfold nearest. apply round_le; auto with typeclass_instances.
      apply FLT_exp_valid. unfold Prec_gt_0. lia.
    + right. rewrite B. split.
      * unfold m. replace (digits f - 1)%Z with (Z.succ (digits f - 2)) by lia.
        rewrite Z.pow_succ_r by lia. now rewrite Z.even_mul.
      * split; [lra|]. apply Rmult_le_compat_r; [rewrite powerRZ_bpow; apply bpow_ge_0|].
        apply IZR_le. lia.
  - unfold overflow, m. rewrite !powerRZ_bpow. change (2 ^ (digits f - 1))%Z with (radix2 ^ (digits f - 1))%Z.
    rewrite IZR_Zpower by lia. rewrite <- bpow_plus. f_equal. unfold e. ring.
Qed.
