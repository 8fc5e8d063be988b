"""Every rule, one import and one line each; system rules come last because they report on the others."""

from validators.authorization import auth01_prior_authorization_number_missing as auth01
from validators.authorization import auth02_wiser_claim_without_utn as auth02
from validators.authorization import auth04_utn_on_professional_claim_of_facility_service as auth04
from validators.authorization import auth07_no_utn_needed_outside_wiser as auth07
from validators.authorization import auth08_wiser_does_not_apply_to_medicare_advantage as auth08
from validators.authorization import auth09_authorization_does_not_cover_code as auth09
from validators.authorization import auth11_service_outside_authorized_dates as auth11
from validators.authorization import auth13_authorization_not_in_force as auth13
from validators.authorization import auth15_line_authorization_repeats_claim_authorization as auth15
from validators.authorization import auth17_referral_number_missing as auth17
from validators.authorization import auth18_utn_shape_wrong as auth18
from validators.authorization import auth19_epidural_not_on_outpatient_list as auth19
from validators.authorization import auth20_outpatient_list_service_without_utn as auth20
from validators.authorization import auth21_pump_trial_outside_wiser as auth21
from validators.authorization import auth23_authorization_need_unknown as auth23
from validators.claim import clm01_npi_check_digit_wrong as clm01
from validators.claim import clm02_diagnosis_pointer_to_missing_diagnosis as clm02
from validators.claim import clm03_charges_do_not_sum as clm03
from validators.claim import clm04_service_dates_reversed as clm04
from validators.claim import clm05_service_date_after_received_date as clm05
from validators.claim import clm06_replacement_without_original_reference as clm06
from validators.claim import clm07_duplicate_diagnosis as clm07
from validators.claim import clm08_more_than_twelve_diagnoses as clm08
from validators.claim import clm09_more_than_four_diagnosis_pointers as clm09
from validators.claim import clm10_more_than_four_modifiers as clm10
from validators.claim import clm11_units_not_positive as clm11
from validators.claim import clm12_state_code_invalid as clm12
from validators.claim import clm13_postal_code_malformed as clm13
from validators.claim import clm14_duplicate_line_number as clm14
from validators.claim import clm15_patient_born_after_service as clm15
from validators.claim import clm16_taxonomy_malformed as clm16
from validators.claim import clm17_timely_filing_limit_passed as clm17
from validators.claim import clm18_modifier_malformed as clm18
from validators.claim import clm19_modifier_repeated_on_line as clm19
from validators.claim import clm20_place_of_service_unknown as clm20
from validators.claim import clm21_patient_under_eighteen as clm21
from validators.code import code01_retired_epidural_injection_code as code01
from validators.code import code02_retired_related_code as code02
from validators.code import code03_add_on_without_primary as code03
from validators.code import code04_add_on_with_primary_of_other_region as code04
from validators.code import code05_second_primary_transforaminal_line as code05
from validators.code import code09_overlapping_interlaminar_codes as code09
from validators.code import code10_interlaminar_and_transforaminal_same_session as code10
from validators.code import code11_imaging_guidance_billed_separately as code11
from validators.code import code12_bypass_modifier_on_same_region_approaches as code12
from validators.code import code13_same_day_visit_without_modifier_25 as code13
from validators.code import code14_bilateral_modifier_on_interlaminar_code as code14
from validators.code import code15_side_modifier_on_interlaminar_code as code15
from validators.code import code16_bilateral_transforaminal_not_on_one_line as code16
from validators.code import code17_modifier_50_on_asc_facility_claim as code17
from validators.code import code18_contradicting_side_modifiers as code18
from validators.code import code20_kx_on_therapeutic_injection as code20
from validators.code import code21_professional_or_technical_modifier_on_injection as code21
from validators.code import code22_modifier_51_on_add_on as code22
from validators.code import code23_units_above_mue as code23
from validators.code import code24_assistant_at_surgery_on_injection as code24
from validators.code import code25_procedure_that_excludes_the_injection as code25
from validators.code import code26_duplicate_service_line as code26
from validators.code import code27_ncci_pair_without_bypass_modifier as code27
from validators.drug import drug01_j3301_dose_above_session_ceiling as drug01
from validators.drug import drug02_j1100_dose_above_session_ceiling as drug02
from validators.drug import drug03_j0702_dose_above_session_ceiling as drug03
from validators.drug import drug04_j1010_dose_above_session_ceiling as drug04
from validators.drug import drug05_retired_methylprednisolone_code as drug05
from validators.drug import drug07_jw_or_jz_missing as drug07
from validators.drug import drug09_local_anesthetic_billed as drug09
from validators.drug import drug11_two_steroids_same_day as drug11
from validators.drug import drug12_drug_included_in_bcbsms as drug12
from validators.guidance import guid01_guided_code_without_guidance as guid01
from validators.guidance import guid02_unguided_code_for_pain as guid02
from validators.guidance import guid03_ultrasound_guidance_not_covered as guid03
from validators.guidance import guid05_imaging_without_contrast as guid05
from validators.guidance import guid09_radiation_guidance_in_pregnancy as guid09
from validators.level import lvl01_more_than_two_transforaminal_levels as lvl01
from validators.level import lvl03_two_spinal_regions_same_day as lvl03
from validators.level import lvl04_two_levels_both_sides as lvl04
from validators.level import lvl09_documented_side_does_not_match_modifier as lvl09
from validators.necessity import med01_diagnosis_not_known_to_be_covered as med01
from validators.necessity import med02_axial_pain_diagnosis_only as med02
from validators.necessity import med03_non_radicular_diagnosis_only as med03
from validators.necessity import med04_diagnosis_not_billable_on_date as med04
from validators.necessity import med05_diagnosis_region_conflicts_with_code as med05
from validators.necessity import med14_other_injection_modality_same_day as med14
from validators.necessity import med15_biologic_injectate as med15
from validators.necessity import med16_sedation_or_anesthesia_with_injection as med16
from validators.necessity import med17_post_operative_pain_exception as med17
from validators.necessity import med18_cisternography_exception as med18
from validators.necessity import med19_pump_trial_exception as med19
from validators.necessity import med20_stenosis_without_claudication_only as med20
from validators.necessity import med22_unspecified_site_or_side as med22
from validators.rule import Rule
from validators.site import sos01_implausible_place_of_service as sos01
from validators.site import sos02_drug_billed_by_professional_in_facility as sos02
from validators.site import sos03_catheter_infusion_outside_hospital as sos03
from validators.site import sos04_rendering_taxonomy_not_eligible as sos04
from validators.site import sos05_hospital_outpatient_where_site_policy as sos05
from validators.site import sos06_humana_authorization_is_outpatient_only as sos06
from validators.system import sys01_reference_data_or_state_missing as sys01
from validators.system import sys02_rule_could_not_be_evaluated as sys02

RULES: tuple[Rule, ...] = (
    code01.RULE,
    code02.RULE,
    code03.RULE,
    code04.RULE,
    code05.RULE,
    code09.RULE,
    code10.RULE,
    code11.RULE,
    code12.RULE,
    code13.RULE,
    code14.RULE,
    code15.RULE,
    code16.RULE,
    code17.RULE,
    code18.RULE,
    code20.RULE,
    code21.RULE,
    code22.RULE,
    code23.RULE,
    code24.RULE,
    code25.RULE,
    code26.RULE,
    code27.RULE,
    lvl01.RULE,
    lvl03.RULE,
    lvl04.RULE,
    lvl09.RULE,
    guid01.RULE,
    guid02.RULE,
    guid03.RULE,
    guid05.RULE,
    guid09.RULE,
    auth01.RULE,
    auth02.RULE,
    auth04.RULE,
    auth07.RULE,
    auth08.RULE,
    auth09.RULE,
    auth11.RULE,
    auth13.RULE,
    auth15.RULE,
    auth17.RULE,
    auth18.RULE,
    auth19.RULE,
    auth20.RULE,
    auth21.RULE,
    auth23.RULE,
    med01.RULE,
    med02.RULE,
    med03.RULE,
    med04.RULE,
    med05.RULE,
    med14.RULE,
    med15.RULE,
    med16.RULE,
    med17.RULE,
    med18.RULE,
    med19.RULE,
    med20.RULE,
    med22.RULE,
    sos01.RULE,
    sos02.RULE,
    sos03.RULE,
    sos04.RULE,
    sos05.RULE,
    sos06.RULE,
    drug01.RULE,
    drug02.RULE,
    drug03.RULE,
    drug04.RULE,
    drug05.RULE,
    drug07.RULE,
    drug09.RULE,
    drug11.RULE,
    drug12.RULE,
    clm01.RULE,
    clm02.RULE,
    clm03.RULE,
    clm04.RULE,
    clm05.RULE,
    clm06.RULE,
    clm07.RULE,
    clm08.RULE,
    clm09.RULE,
    clm10.RULE,
    clm11.RULE,
    clm12.RULE,
    clm13.RULE,
    clm14.RULE,
    clm15.RULE,
    clm16.RULE,
    clm17.RULE,
    clm18.RULE,
    clm19.RULE,
    clm20.RULE,
    clm21.RULE,
    sys01.RULE,
    sys02.RULE,
)
