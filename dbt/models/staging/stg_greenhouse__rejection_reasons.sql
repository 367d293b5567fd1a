{{ greenhouse_v3.stage('rejection_reasons') }}
