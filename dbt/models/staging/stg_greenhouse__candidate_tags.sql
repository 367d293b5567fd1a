{{ greenhouse_v3.stage('candidate_tags') }}
