{{ greenhouse_v3.stage('applied_candidate_tags') }}
